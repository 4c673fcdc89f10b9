"""What the official submission checker judges, check by check, and which of our rules judges it.

Source: mlcommons/inference at b66003e1, tools/submission/submission_checker; facts only. The same checks hold for
v5.0, v5.1, v6.0 and v6.1: rounds differ in their tables and in the layout of the tree, which are data here too.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class OfficialCheck:
    """One check.

    Attributes:
        module: below submission_checker/.
        name: of the function.
        demands: in words.
        rules: ours.
        remark: where we differ.
    """

    module: str
    name: str
    demands: str
    rules: tuple[str, ...]
    remark: str = ""


CHECKS: tuple[OfficialCheck, ...] = (
    OfficialCheck(
        "loader.py",
        "load",
        "divisions at the root; a description for each system with results; JSON and logs can be read",
        ("tree.root", "submitter.results", "system.file", "performance.whole", "accuracy.whole"),
        "there a submitter without results, a missing description, accuracy run or unreadable log ends in a traceback",
    ),
    OfficialCheck(
        "loader.py",
        "check_scenarios",
        "closed and network: the scenarios of this kind of system, one of Server and Interactive where both are optional",
        ("model.required", "model.scenario", "performance.files"),
        "there an unknown benchmark ends in a traceback",
    ),
    OfficialCheck(
        "configuration/configuration.py",
        "get_mlperf_model",
        "the directory names a benchmark: officially, by alias, by model_mapping.json, or by a part of its name",
        ("model.benchmark", "submitter.mapping"),
    ),
    OfficialCheck(
        "loader.py",
        "load_endpoints_logs",
        "a result without LoadGen's logs is judged by config.yaml, result_summary.json and accuracy_results.json",
        (
            "endpoints.files",
            "endpoints.scenario",
            "endpoints.seeds",
            "endpoints.duration",
            "endpoints.latency",
            "endpoints.result",
            "endpoints.network",
            "endpoints.errors",
            "endpoints.score",
            "endpoints.dataset",
        ),
        "there a missing type ends in a traceback; failed samples of a performance run pass",
    ),
    OfficialCheck("main.py", "main", "no result without a figure", ("tree.results", "performance.result")),
    OfficialCheck(
        "results.py",
        "add_result",
        "number_of_nodes and accelerators_per_node are numbers, notes are text, and the scenario has a unit",
        ("system.counts", "system.notes", "model.spelling"),
        "there the export to CSV ends in a traceback",
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "missing_check",
        "the detail log is there",
        ("performance.files",),
        "ours: the summary too",
    ),
    OfficialCheck(
        "checks/performance_check.py", "scenarios_check", "as check_scenarios", ("model.required",)
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "loadgen_errors_check",
        "no LoadGen errors, but only with --submission-exceptions",
        ("performance.errors",),
        "ours: always",
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "equal_issue_check",
        "equal issue mode for some benchmarks of v4.1",
        (),
        "applies to no round that can be chosen there",
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "performance_sample_count_check",
        "enough samples in memory",
        ("performance.sample_count",),
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "seeds_check",
        "the three seeds of the round",
        ("performance.seeds",),
        "ours says whose seeds they are",
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "latency_check",
        "early stopping met; target latency within the limit",
        ("performance.early_stopping", "performance.latency"),
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "min_query_count_check",
        "Offline: queries, and samples in one (closed)",
        ("performance.queries",),
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "min_duration_check",
        "600 s, but for the e2e-rag benchmarks",
        ("performance.duration",),
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "network_check",
        "is_network suits the division; a network system says so in its SUT's name",
        ("performance.network", "system.network"),
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "llm_check",
        "token latencies measured, first token and time per token within their limits",
        ("performance.tokens",),
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "inferred_check",
        "another scenario's log only on edge systems, and only in the allowed pairs",
        ("performance.scenario", "accuracy.scenario"),
        "ours marks every inferred result with a note",
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "get_performance_metric_check",
        "the log holds the figure of its scenario",
        ("performance.result",),
        "generated videos: milliseconds here, seconds there",
    ),
    OfficialCheck(
        "checks/performance_check.py",
        "endpoints_model_check",
        "endpoints only for some benchmarks, from v6.1",
        ("endpoints.model", "endpoints.round"),
    ),
    OfficialCheck(
        "checks/accuracy_check.py",
        "accuracy_result_check",
        "every metric in accuracy.txt reaches its target and keeps its upper limit (closed, network); a hash",
        ("accuracy.metric", "accuracy.target", "accuracy.hash"),
        "ours asks for metrics and hash in the open division, too",
    ),
    OfficialCheck(
        "checks/accuracy_check.py",
        "accuracy_json_check",
        "the accuracy log has at most 10 KiB",
        ("accuracy.log_size", "accuracy.files"),
    ),
    OfficialCheck(
        "checks/accuracy_check.py", "loadgen_errors_check", "no LoadGen errors", ("accuracy.errors",)
    ),
    OfficialCheck(
        "checks/accuracy_check.py", "dataset_check", "the whole official data set", ("accuracy.dataset",)
    ),
    OfficialCheck(
        "checks/accuracy_check.py",
        "extra_files_check",
        "the pictures or videos that the round names",
        ("accuracy.outputs",),
    ),
    OfficialCheck(
        "checks/accuracy_check.py",
        "endpoints_model_check",
        "endpoints only for some benchmarks, from v6.1",
        ("endpoints.model", "endpoints.round"),
    ),
    OfficialCheck("checks/system_check.py", "missing_check", "the description is there", ("system.file",)),
    OfficialCheck(
        "checks/system_check.py",
        "availability_check",
        "status is available, preview or rdi",
        ("system.status",),
    ),
    OfficialCheck(
        "checks/system_check.py", "system_type_check", "system_type is one of four", ("system.type",)
    ),
    OfficialCheck(
        "checks/system_check.py", "network_check", "is_network suits the division", ("system.network",)
    ),
    OfficialCheck(
        "checks/system_check.py",
        "required_fields_check",
        "every key, those of networks where they apply, 26 of them not empty",
        ("system.keys", "system.values", "system.counts"),
    ),
    OfficialCheck(
        "checks/system_check.py", "submitter_check", "submitter is that of the directory", ("system.owner",)
    ),
    OfficialCheck(
        "checks/system_check.py", "division_check", "division is that of the directory", ("system.owner",)
    ),
    OfficialCheck(
        "checks/system_check.py",
        "nameplate_power_check",
        "v6.1, with power: the power supplies' capacity can be read",
        ("system.nameplate",),
    ),
    OfficialCheck(
        "checks/measurements_checks.py",
        "missing_check",
        "the measurements' JSON is there",
        ("measurements.json",),
    ),
    OfficialCheck(
        "checks/measurements_checks.py",
        "directory_exist_check",
        "the sources are there",
        ("submitter.src",),
        "ours: and not empty",
    ),
    OfficialCheck(
        "checks/measurements_checks.py",
        "required_files_check",
        "user.conf and README.md, not empty",
        ("measurements.files",),
    ),
    OfficialCheck(
        "checks/measurements_checks.py",
        "required_fields_check",
        "five keys that say something",
        ("measurements.values",),
    ),
    OfficialCheck(
        "checks/compliance_check.py",
        "dir_exists_check",
        "each test of the benchmark, with its files",
        ("compliance.tests", "compliance.verified", "compliance.files"),
        "--skip_compliance has no effect there",
    ),
    OfficialCheck(
        "checks/compliance_check.py",
        "performance_check",
        "TEST01, TEST04: their runs as any performance run",
        ("compliance.tests",),
        "ours: the rules of performance runs, as compliance.TESTnn.…",
    ),
    OfficialCheck(
        "checks/compliance_check.py",
        "accuracy_check",
        "the verification says that it passed; TEST01 also by accuracy",
        ("compliance.verified",),
    ),
    OfficialCheck(
        "checks/compliance_check.py",
        "compliance_performance_check",
        "TEST01, TEST04: TEST PASS, and exactly the two logs",
        ("compliance.verified", "compliance.files"),
    ),
    OfficialCheck(
        "checks/compliance_check.py",
        "compliance_endpoints_check",
        "the audits of endpoints, and the length of the answers",
        ("endpoints.audits", "endpoints.output_length"),
    ),
    OfficialCheck(
        "checks/power_check.py",
        "required_files_check",
        "with power: exactly the files of run, ranging and session",
        ("power.files",),
    ),
    OfficialCheck(
        "checks/power_check.py",
        "external_power_check",
        "the Power working group's power_checker.py passes",
        ("power.session", "power.results", "power.phases", "power.ranging", "power.debug", "power.elsewhere"),
        "analyser's log and programs' checksums: only there, a note says so",
    ),
    OfficialCheck(
        "checks/power_check.py",
        "get_power_metric_check",
        "samples within the run, and the figure",
        ("power.window",),
    ),
    OfficialCheck("checks/structure_check.py", "sample_check", "nothing: it is empty", ()),
)

"""What to do about a broken rule where no command mends it: words, by rule.

A breach that a command mends brings the command; the words here stand for every other one, so that no finding leaves the
reader alone. A rule on a compliance test's run (``compliance.TEST01.seeds``) has those of the performance rule.
"""

from typing import Final

from mlperf_bake.check.rule import Finding

_FROM_THE_RUN: Final = "copy it from the run as LoadGen wrote it, or run again"
_DESCRIPTION: Final = (
    "correct it in the system's description; mlperf-bake collect --system-file writes it anew"
)
_ENDPOINT_RUN: Final = "correct the configuration and run the endpoint's client again"
_ENDPOINT_FILES: Final = "take the files from mlcommons/endpoints' own output"
_POWER: Final = "take the directory that the official power client wrote, unchanged, or measure again"
_MANIFEST: Final = "collect the run's own directory again; if the runs do not belong together, run again"

REMEDIES: Final = {
    "tree.root": "give the directory that holds closed/, open/ or network/",
    "tree.size": "leave the file out, or shorten it; mlperf-bake collect shortens accuracy logs",
    "tree.names": "rename it, and what refers to it",
    "provenance.round": "check the tree by the round of its runs",
    "provenance.copied": "remove the result of the system that the run was not made on",
    "provenance.machine": "give each machine a system of its own, or run again on one",
    "submitter.src": "put the sources there, or a README.md that says where they are",
    "submitter.mapping": "correct model_mapping.json: the model's directory, then the benchmark's official name",
    "system.file": "mlperf-bake collect writes it; or write it by hand with every key",
    "system.keys": _DESCRIPTION,
    "system.owner": "correct the key, or move the submitter's directory",
    "system.network": _DESCRIPTION,
    "system.nameplate": "write the capacity of each power supply into the file, in the form of the power rules",
    "system.empty": "remove the directory, or put the system's results there",
    "model.benchmark": "rename the directory after the benchmark",
    "model.scenario": "rename the directory after its scenario, or remove it",
    "model.required": "run the scenario, or submit the model in the open division",
    "model.spelling": "put its files into the directory that is spelt right",
    "endpoints.round": "submit it in a round that has endpoints, or run with LoadGen",
    "endpoints.model": "run with LoadGen",
    "endpoints.files": _ENDPOINT_FILES,
    "endpoints.scenario": _ENDPOINT_RUN,
    "endpoints.duration": _ENDPOINT_RUN,
    "endpoints.latency": "lower the load in the configuration and run again",
    "endpoints.result": _ENDPOINT_FILES,
    "endpoints.network": _DESCRIPTION,
    "endpoints.errors": "find in the client's output why samples failed, and run again",
    "endpoints.score": "score the accuracy run again; a score below the target belongs in the open division",
    "endpoints.dataset": "run accuracy over the whole official data set",
    "endpoints.audits": "run the audit again and put its file there",
    "endpoints.output_length": "let the endpoint generate to its end, and run again",
    "performance.files": _FROM_THE_RUN,
    "performance.whole": _FROM_THE_RUN,
    "performance.mode": "put the log of a performance run there",
    "performance.scenario": "run this scenario",
    "performance.errors": "find the cause in the log's line, and run again",
    "performance.audit": "run again without audit.config",
    "performance.summary": _FROM_THE_RUN,
    "performance.version": "say in README.md which LoadGen it was; better, build an image of the round and run again",
    "performance.tokens": "measure token latencies (use_token_latencies), lower the load, and run again",
    "performance.queries": "set LoadGen's samples per query in user.conf to what is expected, and run again",
    "performance.result": _FROM_THE_RUN,
    "performance.network": "name the system under test so, and run again",
    "measurements.files": "write it: user.conf as the run used it, README.md with how to run it again",
    "measurements.json": "mlperf-bake collect writes it; or write it by hand with every key",
    "accuracy.files": _FROM_THE_RUN,
    "accuracy.whole": _FROM_THE_RUN,
    "accuracy.scenario": "run accuracy in this scenario",
    "accuracy.errors": "find the cause in the log's line, and run again",
    "accuracy.seeds": "run accuracy again with an image of the round",
    "accuracy.metric": "score the accuracy log again, and put the script's output there",
    "accuracy.target": "run or quantise so that the figure keeps its limit, or submit in the open division",
    "accuracy.share": "score the accuracy log again, and put the script's output there",
    "accuracy.hash": "write hash= and the SHA-256 of the whole accuracy log; mlperf-bake collect does",
    "accuracy.log_size": _FROM_THE_RUN,
    "accuracy.summary": _FROM_THE_RUN,
    "accuracy.version": "run accuracy and performance with one image",
    "compliance.verified": "verify the test's run again; where it did not pass, find out why before anything else",
    "compliance.files": "keep the two logs there and remove the rest",
    "power.files": _POWER,
    "power.window": _POWER,
    "power.ranging": _POWER,
    "power.session": _POWER,
    "power.phases": _POWER,
    "provenance.manifest": "collect runs of mlperf-bake with their manifests; results of others have none",
    "provenance.demonstration": "run on the whole official data set for the full time",
    "provenance.agree": _MANIFEST,
    "provenance.place": _MANIFEST,
    "provenance.division": "submit it in the open division, or run the closed division's model",
    "provenance.one_thing": _MANIFEST,
    "provenance.time": _MANIFEST,
    "provenance.accuracy": "score the accuracy log again: accuracy.txt has been changed since the run",
}


def remedy(finding: Finding) -> str:
    """The command that mends a finding; where there is none, what to do in words."""
    return finding.breach.fix or words(finding.rule)


def words(rule: str) -> str:
    """What to do about a rule in words; empty where each of its breaches brings a command."""
    group, _, name = rule.partition(".")
    test, dot, rest = name.partition(".")
    told = f"performance.{rest}" if group == "compliance" and dot and test.startswith("TEST") else rule
    return REMEDIES.get(told, "")

"""LoadGen's logs: real ones of the v5.1 round agree with what MLPerf published; broken ones say what is wrong."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.errors import UsageError
from mlperf_bake.results.headline import headline
from mlperf_bake.results.loadgen_log import DetailLog, read_detail, read_summary
from mlperf_bake.rounds import load_round
from tests.support.synthetic_runs import RunSpec, detail_text, log_line, summary_text

PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "inference_results_v5.1"
needs_published = pytest.mark.skipif(not PUBLISHED.is_dir(), reason="the published v5.1 results are not here")


def read_text(tmp_path: Path, text: str) -> DetailLog:
    path = tmp_path / "mlperf_log_detail.txt"
    path.write_text(text, encoding="utf-8")
    return read_detail(path)


def published_results() -> list[dict[str, object]]:
    rows = json.loads((PUBLISHED / "summary_results.json").read_text(encoding="utf-8"))
    return [row for row in rows if (PUBLISHED / row["Location"]).is_dir()]


@needs_published
def test_real_logs_give_the_published_results() -> None:
    rules = load_round("v5.1")
    rows = published_results()
    assert len(rows) >= 8
    for row in rows:
        run = PUBLISHED / str(row["Location"]) / "performance" / "run_1"
        log = read_detail(run / "mlperf_log_detail.txt")
        assert log.problems == ()
        assert log.complete
        benchmark = rules.benchmark_of(str(row["UsedModel"]))
        assert benchmark is not None
        figure = headline(log, rules, benchmark, str(row["Scenario"]))
        assert figure is not None
        assert figure.value == pytest.approx(row["Performance_Result"], rel=1e-4)
        assert (figure.inferred_from is not None) == bool(row["inferred"])
        assert read_summary(run / "mlperf_log_summary.txt").validity == log.validity == "VALID"


@needs_published
def test_real_logs_carry_the_seeds_of_their_round() -> None:
    seeds = dict(load_round("v5.1").seeds.items())
    for path in PUBLISHED.rglob("results/**/mlperf_log_detail.txt"):
        log = read_detail(path)
        assert log.complete
        assert log.version in ("5.1.0", "5.1.1", "5.1.2", "5.0.25")
        assert {name: log.integer(f"effective_{name}") for name in seeds} == seeds


def test_an_interactive_run_is_quoted_as_the_server_run_that_it_is_logged_as(tmp_path: Path) -> None:
    rules = load_round("v6.1")
    tokens = {"result_completed_tokens_per_second": 8840.42}
    log = read_text(tmp_path, detail_text(RunSpec(scenario="Interactive", detail=tokens)))
    benchmark = rules.benchmark_of("llama2-70b-99.9")
    assert benchmark is not None
    figure = headline(log, rules, benchmark, "Interactive")
    assert figure is not None
    assert (figure.value, figure.unit) == (8840.42, "tokens/s")


def test_a_log_is_read_into_typed_values(tmp_path: Path) -> None:
    log = read_text(tmp_path, detail_text(RunSpec()))
    assert (log.version, log.revision) == ("6.0.17", "d6147c7eb7")
    assert (log.scenario, log.mode, log.validity) == ("Offline", "performance", "VALID")
    assert log.percentiles_ns == {"50.00": 3_100_000, "90.00": 3_250_000, "99.00": 3_900_000}
    assert log.integer("effective_qsl_rng_seed") == 2085463073848966840
    assert log.flag("early_stopping_met") is True
    assert log.line("loadgen_version") == 1
    assert log.complete
    assert log.problems == ()


def test_asking_for_another_type_gives_none(tmp_path: Path) -> None:
    log = read_text(tmp_path, detail_text(RunSpec()))
    assert log.number("early_stopping_met") is None
    assert log.integer("result_samples_per_second") is None
    assert log.text("qsl_reported_total_count") is None
    assert log.flag("result_validity") is None
    assert log.number("no_such_key") is None


@pytest.mark.parametrize(
    ("version", "key", "complete"),
    [
        ("6.0.17", "num_errors", True),
        ("4.1.30", "result_99.90_percentile_latency_ns", True),
        ("3.0", "result_99.90_percentile_latency_ns", True),
        ("4.1.30", "result_99.00_percentile_latency_ns", False),
        ("5.0.21", "result_99.90_percentile_latency_ns", False),
    ],
)
def test_a_performance_log_ends_as_its_loadgen_ends_it(
    tmp_path: Path, version: str, key: str, complete: bool
) -> None:
    text = detail_text(RunSpec(detail={"loadgen_version": f"{version} @ x"}))
    lines = [line.replace('"num_errors"', f'"{key}"') for line in text.splitlines(keepends=True)]
    assert read_text(tmp_path, "".join(lines)).complete is complete


def test_an_accuracy_log_is_complete_when_its_queries_cover_the_data_set(tmp_path: Path) -> None:
    whole = detail_text(RunSpec(mode="accuracy"))
    assert read_text(tmp_path, whole).complete
    lines = whole.splitlines(keepends=True)
    without_queries = "".join(line for line in lines if "generated_query_count" not in line)
    assert not read_text(tmp_path, without_queries).complete


@pytest.mark.parametrize("mode", ["performance", "accuracy"])
@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.999])
def test_a_log_cut_anywhere_is_noticed(tmp_path: Path, mode: str, share: float) -> None:
    text = detail_text(RunSpec(mode=mode))
    log = read_text(tmp_path, text[: int(len(text) * share)])
    assert not log.complete
    assert log.cut
    assert any("middle of a line" in problem.text or "JSON" in problem.text for problem in log.problems)


def test_error_and_warning_lines_are_found_with_their_lines(tmp_path: Path) -> None:
    text = detail_text(RunSpec(error_lines=("Ending early: Ran out of generated queries",)))
    log = read_text(tmp_path, text + log_line("warning_generic_message", "slow", warning=True))
    assert log.error_count == 1
    assert log.errors[0].text == "error_runtime: Ending early: Ran out of generated queries"
    assert "Ending early" in text.splitlines()[log.errors[0].line - 1]
    assert [warning.text for warning in log.warnings] == ["warning_generic_message: slow"]


def test_two_runs_in_one_log_are_noticed(tmp_path: Path) -> None:
    log = read_text(tmp_path, detail_text(RunSpec()) + detail_text(RunSpec(scenario="SingleStream")))
    assert log.scenario == "Offline"
    assert any("two runs in one log" in problem.text for problem in log.problems)


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("hello\n", "does not start with"),
        (':::MLLOG {"key": "x", "value": nan}\n', "not valid JSON"),
        (':::MLLOG {"key": "x", "value": NaN}\n', "NaN"),
        (":::MLLOG [1]\n", "no key and value"),
        (':::MLLOG {"key": "x", "value": 1}\n', "no metadata"),
        (log_line("generated_query_duration", 2**70), "larger than any"),
        (":::MLLOG " + "[" * 20_000 + "\n", "not valid JSON"),
    ],
)
def test_a_broken_line_is_named(tmp_path: Path, line: str, problem: str) -> None:
    text = detail_text(RunSpec())
    log = read_text(tmp_path, text + line)
    assert log.problems[-1].line == len(text.splitlines()) + 1
    assert problem in log.problems[-1].text


def test_half_characters_and_control_sequences_do_not_get_through(tmp_path: Path) -> None:
    lines = log_line("sut_name", "\ud800 \x1b[31m") + log_line("error_\ud800", "\udfff", error=True)
    log = read_text(tmp_path, lines)
    assert log.text("sut_name") == "\ufffd \ufffd[31m"
    assert log.errors[0].text == "error_\ufffd: \ufffd"


def test_a_foreign_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "log"
    path.write_bytes(detail_text(RunSpec()).encode("utf-16"))
    log = read_detail(path)
    assert log.problems
    assert not log.complete


def test_an_empty_and_a_missing_log(tmp_path: Path) -> None:
    assert read_text(tmp_path, "").problems[0].text == "the file is empty"
    with pytest.raises(UsageError, match="cannot be read"):
        read_detail(tmp_path / "none")


def test_an_endless_line_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlperf_bake.results.loadgen_log.LINE_LIMIT", 4_000)
    log = read_text(
        tmp_path, detail_text(RunSpec()) + ":::MLLOG " + "x" * 20_000 + "\n" + log_line("last", 1)
    )
    assert "longer than" in log.problems[0].text
    assert log.integer("last") == 1


@given(st.binary(max_size=300))
def test_no_bytes_crash_the_detail_reader(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.mktemp("fuzz") / "log"
    path.write_bytes(data)
    assert not read_detail(path).complete
    read_summary(path)


@given(st.data())
def test_a_changed_byte_never_crashes_the_detail_reader(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    text = bytearray(detail_text(RunSpec()).encode())
    for _ in range(data.draw(st.integers(1, 5))):
        text[data.draw(st.integers(0, len(text) - 1))] = data.draw(st.integers(0, 255))
    path = tmp_path_factory.mktemp("fuzz") / "log"
    path.write_bytes(bytes(text))
    log = read_detail(path)
    assert log.lines >= 1
    assert isinstance(log.percentiles_ns, dict)


def test_the_summary_is_read(tmp_path: Path) -> None:
    path = tmp_path / "summary"
    path.write_text(summary_text(RunSpec(validity="INVALID")), encoding="utf-8")
    summary = read_summary(path)
    assert (summary.scenario, summary.validity, summary.no_errors) == ("Offline", "INVALID", True)
    path.write_text(summary_text(RunSpec(mode="accuracy")), encoding="utf-8")
    assert read_summary(path).validity is None

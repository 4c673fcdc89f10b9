"""Submission trees to break: a valid one of each division, and what changes one file of it."""

import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from mlperf_bake.check.engine import check
from mlperf_bake.check.remedies import remedy
from mlperf_bake.check.rule import Finding
from mlperf_bake.check.verdict import Verdict
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.rounds import load_round
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.synthetic_runs import RunSpec, detail_text, log_line, official, write_pair

GIVEN = {
    "status": "available",
    "host_processor_core_count": "2",
    "host_memory_configuration": "1x 32GB",
    "host_storage_capacity": "1 TB",
    "host_storage_type": "SSD",
    "host_networking": "N/A",
    "host_network_card_count": "N/A",
    "host_networking_topology": "N/A",
    "cooling": "air",
    "retraining": "no",
    "weight_transformations": "PyTorch to ONNX",
}
SCENARIOS = ("SingleStream", "MultiStream", "Offline")
Break = Callable[[Path], object]


class Place:
    """Paths in the tree that ``build`` makes."""

    def __init__(self, division: str, model: str) -> None:
        self.submitter = f"{division}/Me"
        self.system = f"{self.submitter}/systems/box.json"
        self.model = f"{self.submitter}/results/box/{model}"
        self.result = f"{self.model}/Offline"
        self.run = f"{self.result}/performance/run_1"
        self.detail = f"{self.run}/mlperf_log_detail.txt"
        self.accuracy = f"{self.result}/accuracy"


OPEN = Place("open", "efficientnet-lite0")
CLOSED = Place("closed", "resnet50")


def build(root: Path, base: RunSpec, division: str) -> Path:
    """A tree with three scenarios, each from runs of its own; the whole data set and full time."""
    for scenario in SCENARIOS:
        write_pair(root / "results", replace(official(base), scenario=scenario, division=division))
    options = CollectOptions("Me", division=division, system="box", given=GIVEN)
    collect([DirectoryPlace(root / "results")], root / "tree", options)
    return root / "tree"


AUDITED: dict[str, dict[str, object]] = {
    "TEST01": {
        "effective_accuracy_log_rng_seed": 720381539243781796,
        "effective_accuracy_log_sampling_target": 4096,
    },
    "TEST04": {
        "effective_performance_issue_unique": False,
        "effective_performance_issue_same": True,
        "effective_performance_issue_same_index": 3,
    },
}


def add_compliance(tree: Path) -> None:
    """TEST01 and TEST04 beside every result, passed."""
    for result in (tree / CLOSED.model).iterdir():
        for test, settings in AUDITED.items():
            run = result / test / "performance" / "run_1"
            run.mkdir(parents=True)
            for name in ("mlperf_log_detail.txt", "mlperf_log_summary.txt"):
                shutil.copy(result / "performance" / "run_1" / name, run / name)
            with (run / "mlperf_log_detail.txt").open("a", encoding="utf-8") as log:
                log.writelines(log_line(key, value) for key, value in settings.items())
            for kind in ("accuracy", "performance"):
                (result / test / f"verify_{kind}.txt").write_text("Verifying.\nTEST PASS\n", encoding="utf-8")


def judged(tree: Path, round_name: str = "v6.1") -> Verdict:
    """The verdict on a tree, of which every finding says what was found, what was expected and what to do."""
    verdict = check(tree, load_round(round_name))
    silent = [
        one for one in verdict.findings if not (one.breach.found and one.breach.expected and remedy(one))
    ]
    assert silent == []
    return verdict


def found(verdict: Verdict, rule: str) -> list[Finding]:
    return [finding for finding in verdict.findings if finding.rule == rule]


def edit(path: str, before: str, after: str) -> Break:
    def apply(tree: Path) -> None:
        file = tree / path
        text = file.read_text(encoding="utf-8")
        changed = re.sub(before, after, text)
        assert changed != text
        file.write_text(changed, encoding="utf-8")

    return apply


def setting(path: str, key: str, value: object) -> Break:
    """Changes the value of a key in a detail log; None removes the line."""

    def apply(tree: Path) -> None:
        file = tree / path
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        at = next(index for index, line in enumerate(lines) if f'"key": "{key}"' in line)
        data = json.loads(lines[at].removeprefix(":::MLLOG"))
        data["value"] = value
        lines[at] = f":::MLLOG {json.dumps(data)}\n" if value is not None else ""
        file.write_text("".join(lines), encoding="utf-8")

    return apply


def json_key(path: str, *keys: str, value: Any) -> Break:
    """Changes a key of a JSON file; ``...`` removes it."""

    def apply(tree: Path) -> None:
        file = tree / path
        data = json.loads(file.read_text(encoding="utf-8"))
        inner = data
        for key in keys[:-1]:
            inner = inner[key]
        if value is ...:
            del inner[keys[-1]]
        else:
            inner[keys[-1]] = value
        file.write_text(json.dumps(data), encoding="utf-8")

    return apply


def text(path: str, content: str) -> Break:
    def apply(tree: Path) -> None:
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content, encoding="utf-8")

    return apply


def remove(path: str) -> Break:
    def apply(tree: Path) -> None:
        target = tree / path
        shutil.rmtree(target) if target.is_dir() else target.unlink()

    return apply


def move(path: str, to: str) -> Break:
    return lambda tree: (tree / path).rename(tree / to)


def cut(path: str) -> Break:
    def apply(tree: Path) -> None:
        data = (tree / path).read_bytes()
        (tree / path).write_bytes(data[: len(data) // 2])

    return apply


def log_error(path: str) -> Break:
    spec = replace(official(RunSpec()), error_lines=("Ending early: Ran out of generated queries",))
    return text(path, detail_text(spec))

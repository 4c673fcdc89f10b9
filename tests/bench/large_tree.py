"""A large submission tree of v6.1 for measuring ``check``: many systems, logs as long as real ones.

Every result is a run that keeps the rules, on the whole data set for the full time. Its accuracy log lists the
samples loaded, 1,024 at a time, as LoadGen's log of an ImageNet run does; that is most of the bytes. The systems
share their logs on the disk (hard links), so that the tree takes little room there.
"""

import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.submission.collect import CollectOptions, collect
from tests.support.submission_trees import CLOSED, GIVEN, SCENARIOS, add_compliance
from tests.support.synthetic_runs import RunSpec, log_line, official, write_pair

LOADED: Final = 49
"""Parts in which 50,000 samples are loaded, 1,024 at a time."""
SETTINGS: Final = 25
"""Further settings that LoadGen logs, twice each: as requested and as effective."""


def write_large_tree(root: Path, files: int) -> int:
    """Writes a tree of at least so many files below ``root``, which must not exist, and counts them."""
    one = root.with_name(f"{root.name}.one")
    for scenario in SCENARIOS:
        spec = replace(official(RunSpec(model="resnet50")), scenario=scenario, division="closed")
        write_pair(one / "results", spec)
    options = CollectOptions("Me", division="closed", system="box", given=GIVEN)
    collect([DirectoryPlace(one / "results")], root, options)
    shutil.rmtree(one)
    add_compliance(root)
    for log in root.rglob("mlperf_log_detail.txt"):
        _lengthen(log, accuracy="accuracy" in log.parts)
    first = root / CLOSED.submitter
    system = first / "results" / "box"
    each = sum(path.is_file() for path in system.rglob("*"))
    written = sum(path.is_file() for path in root.rglob("*"))
    number = 1
    while written < files:
        copy = first / "results" / f"box-{number:04}"
        shutil.copytree(system, copy, copy_function=os.link)
        shutil.copy(root / CLOSED.system, first / "systems" / f"{copy.name}.json")
        for manifest in copy.rglob("manifest.json"):
            data = json.loads(manifest.read_text(encoding="utf-8"))
            data["run_id"] = f"{data['run_id']}-{number}"
            manifest.unlink()
            manifest.write_text(json.dumps(data), encoding="utf-8")
        written += each + 1
        number += 1
    return written


def _lengthen(log: Path, *, accuracy: bool) -> None:
    """Gives a detail log the lines that a real one has besides those that rules look at."""
    lines = [
        log_line(f"{kind}_further_setting_{index}", index)
        for kind in ("requested", "effective")
        for index in range(SETTINGS)
    ]
    lines.append(log_line("loadgen_file_sha1", {f"/file-{index}.cc": "0" * 40 for index in range(45)}))
    for part in range(LOADED if accuracy else 1):
        samples = list(range(part * 1024, (part + 1) * 1024))
        lines.append(log_line("loaded_qsl_set", samples).replace(", ", ",").replace(',"', ', "'))
        lines += [log_line(f"logger_count_{index}", 0) for index in range(11)]
    with log.open("r+", encoding="utf-8") as file:
        text = file.read()
        file.seek(0)
        file.writelines([*lines, text])

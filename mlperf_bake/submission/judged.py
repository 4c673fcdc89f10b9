"""The accuracy.txt of an accuracy run that another program left: the one beside its log, or top-1 counted here."""

import itertools
import shlex
from pathlib import Path
from typing import Final

from mlperf_bake.accuracy.writing import write_accuracy
from mlperf_bake.errors import UsageError
from mlperf_bake.results.classification import Labels, top_one
from mlperf_bake.results.run import ACCURACY, ForeignLogs
from mlperf_bake.rounds import ModelRules
from mlperf_bake.submission.foreign_parts import AccuracyText
from mlperf_bake.submission.shortening import is_shortened, whole_hash

ACCURACY_TEXT: Final = "accuracy.txt"
_TOP_ONE: Final = "acc"


def accuracy_texts(labels: Labels | None, scratch: Path) -> AccuracyText:
    """Gives accuracy.txt for accuracy runs of others.

    Args:
        labels: of the data set the runs were made with, if the user gives one.
        scratch: an empty directory for files written here.
    """
    numbers = itertools.count()

    def text(logs: ForeignLogs, model: ModelRules) -> Path:
        beside, log = logs.directory / ACCURACY_TEXT, logs.directory / ACCURACY
        if beside.is_file() and beside.stat().st_size:
            return beside
        if not log.is_file():
            raise UsageError(f"{ACCURACY} is missing in the accuracy run", where=str(logs.directory))
        if labels is None or _TOP_ONE not in model.accuracy_target or is_shortened(log):
            raise UsageError(
                "nobody has judged the accuracy run",
                where=str(beside),
                found="no accuracy.txt",
                expected=f"the line that the accuracy script of {model.name} prints, in {ACCURACY_TEXT} beside the log",
                remedy=f"mlperf-bake accuracy {shlex.quote(str(logs.directory))} --benchmark {model.name} --truth PATH "
                f"--out {shlex.quote(str(beside))}",
            )
        found = top_one(log, labels)
        made = scratch / f"{next(numbers)}-{ACCURACY_TEXT}"
        write_accuracy(made, found.line, whole_hash(log))
        return made

    return text

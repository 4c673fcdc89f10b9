"""The answers of an accuracy log, checked while they stream by: every sample once, none that does not exist.

A sample may be answered more than once, since LoadGen pads the last query of a MultiStream run with samples that it
has asked for before; then its first answer counts, as in MLCommons' accuracy scripts. One entry twice (the same
number of answer and sample) is a log that was put together from pieces, and refused.
"""

from array import array
from collections.abc import Iterator
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response, read_responses

_UNANSWERED = -1


class Answers:
    """The first answer of each sample, in file order; to be gone through once.

    Args:
        log: LoadGen's accuracy log.
        total: samples of the data set.
        of: what the samples are, for messages: ``images of val_map.txt``.
        only: the samples that count; answers to others are passed over. None: all.

    Attributes:
        count: samples that count; each must be answered.
        repeated: after being gone through, answers to samples that were answered before.

    Raises:
        UsageError: while being gone through; a log that is not whole, names other samples or the same entry twice.
    """

    def __init__(self, log: Path, total: int, of: str, only: frozenset[int] | None = None) -> None:
        self.log = log
        self.total = total
        self.of = of
        self.only = only
        self.count = total if only is None else len(only)
        self.repeated = 0

    def __iter__(self) -> Iterator[Response]:
        first = array("q", [_UNANSWERED]) * self.total
        self.repeated = 0
        for response in read_responses(self.log):
            if response.qsl_idx >= self.total:
                raise UsageError(
                    "the accuracy log answers a sample that the ground truth does not have",
                    where=f"{self.log}:{response.line}",
                    found=f"sample {response.qsl_idx}",
                    expected=f"samples 0 to {self.total - 1}: {self.of}",
                    remedy="give the ground truth of the data set that was run",
                )
            if self.only is not None and response.qsl_idx not in self.only:
                continue
            before = first[response.qsl_idx]
            if before == response.seq_id:
                raise UsageError(
                    "the accuracy log holds an answer twice",
                    where=f"{self.log}:{response.line}",
                    found=f"seq_id {response.seq_id} of sample {response.qsl_idx} again",
                    expected="each answer once, as LoadGen writes them",
                    remedy="use the log in the run's own directory",
                )
            if before != _UNANSWERED:
                self.repeated += 1
                continue
            first[response.qsl_idx] = response.seq_id
            yield response
        self._all_answered(first)

    def _all_answered(self, first: "array[int]") -> None:
        wanted = range(self.total) if self.only is None else sorted(self.only)
        missing = [sample for sample in wanted if sample >= self.total or first[sample] == _UNANSWERED]
        if missing:
            raise UsageError(
                "the accuracy log does not answer every sample",
                where=str(self.log),
                found=f"{self.count - len(missing)} of {self.count} samples; sample {missing[0]} is the first without",
                expected=f"one answer each: {self.of}",
                remedy="run the accuracy mode on the whole data set, or give the ground truth of what was run",
            )

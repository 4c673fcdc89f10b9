"""TEST08: TEST01 for dlrm-v3, whose samples are streamed in an order of their own and so are known by what they answer.

Answers are 32-bit floats. The accuracy run's: time stamp, query, n predictions, n labels, n weights, n. The test's: time
stamp, query, n predictions. For each pair of one (time stamp, query) the normalised entropy of the test's predictions,
by the labels and weights of the accuracy run, lies within the allowed share of that of the accuracy run's predictions.
"""

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from mlperf_bake.compliance.evidence import VERIFY_ACCURACY, Evidence, Verification, text
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response, read_responses

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

_EPSILON = 1e-7
_HEADER = 2
Key = tuple[int, int]


@dataclass
class _Count:
    entries: int = 0
    logged: int = 0
    matched: int = 0
    different: int = 0


def verify(evidence: Evidence) -> Verification:
    """Judges the answers; holds those of the test's log in memory, a few thousand, and lets the accuracy log stream by.

    Where the accuracy log answers a query more than once the last answer counts, as in MLCommons' script.

    Raises:
        UsageError: a run or log that is missing or cannot be read.
    """
    limit = evidence.audit.limits["entropy"]
    count = _Count()
    waiting: dict[Key, list[Floats]] = {}
    for response in read_responses(evidence.run_log):
        count.logged += 1
        numbers = _floats(response, evidence)
        waiting.setdefault(_key(response, evidence), []).append(numbers[_HEADER:])
    answered: dict[Key, int] = {}
    for response in read_responses(evidence.accuracy_log):
        count.entries += 1
        key = _key(response, evidence)
        if key in waiting:
            answered[key] = _different(_parts(response, evidence), waiting[key], limit)
    count.matched = sum(len(waiting[key]) for key in answered)
    count.different = sum(answered.values())
    return _judgement(count, limit)


def _different(parts: "tuple[Floats, Floats, Floats]", tests: "list[Floats]", limit: float) -> int:
    """How many of the test's answers to a query have another entropy than the accuracy run's answer."""
    predictions, labels, weights = parts
    before = entropy(predictions, labels, weights)
    return sum(
        len(test) != len(labels) or not _near(before, entropy(test, labels, weights), limit) for test in tests
    )


def entropy(predictions: "Floats", labels: "Floats", weights: "Floats") -> float:
    """Normalised entropy: cross entropy over that of always predicting the mean label; 0 where that is nothing."""
    import numpy as np

    total = float(np.sum(weights, dtype=np.float64))
    if total == 0:
        return 0.0
    said = np.clip(predictions.astype(np.float64), _EPSILON, 1 - _EPSILON)
    true = np.clip(labels.astype(np.float64), _EPSILON, 1 - _EPSILON)
    cross = -float(np.sum(weights * (true * np.log(said) + (1 - true) * np.log(1 - said))))
    mean = float(np.clip(np.sum(weights * true) / total, _EPSILON, 1 - _EPSILON))
    base = float(-mean * np.log(mean) - (1 - mean) * np.log(1 - mean))
    return cross / (base * total) if base else 0.0


def _near(before: float, after: float, limit: float) -> bool:
    if before == 0 or after == 0:
        return before == after
    return abs(after - before) / abs(before) <= limit


def _floats(response: Response, evidence: Evidence) -> "Floats":
    import numpy as np

    if len(response.data) % 4 or len(response.data) < 4 * (_HEADER + 1):
        _refuse(response, evidence, "32-bit floats: time stamp, query, predictions")
    return np.frombuffer(response.data, dtype="<f4")


def _key(response: Response, evidence: Evidence) -> Key:
    try:
        time_stamp, query = struct.unpack_from("<2f", response.data)
        return int(time_stamp), int(query)
    except (struct.error, ValueError, OverflowError):
        _refuse(response, evidence, "numbers of time stamp and query")


def _parts(response: Response, evidence: Evidence) -> "tuple[Floats, Floats, Floats]":
    numbers = _floats(response, evidence)
    n = (len(numbers) - _HEADER - 1) // 3
    if n < 1 or len(numbers) != _HEADER + 3 * n + 1 or numbers[-1] != n:
        _refuse(response, evidence, "time stamp, query, n predictions, n labels, n weights, n")
    first, second, third = (numbers[_HEADER + i * n : _HEADER + (i + 1) * n] for i in range(3))
    return first, second, third


def _refuse(response: Response, evidence: Evidence, expected: str) -> NoReturn:
    raise UsageError(
        "an answer is none of dlrm-v3's",
        where=f"{evidence.run_log}, {evidence.accuracy_log}",
        found=f"{len(response.data)} bytes for sample {response.qsl_idx}",
        expected=expected,
    )


def _judgement(count: _Count, limit: float) -> Verification:
    unmatched = count.logged - count.matched
    lines = [
        f"num_acc_log_entries = {count.entries}",
        f"num_perf_log_entries = {count.logged}",
        f"num_matched = {count.matched}",
        f"num_unmatched = {unmatched}",
        f"num_ne_mismatch = {count.different}",
        f"tolerance = {100 * limit:.2f}%",
    ]
    reasons = []
    if not count.logged:
        reasons.append("the run logged no answer")
    if unmatched:
        reasons.append(f"{unmatched} of {count.logged} answers are to queries that the accuracy log lacks")
    if count.different:
        reasons.append(
            f"the entropy of {count.different} of {count.matched} answers is more than {100 * limit:g} % off"
        )
    title = "Answers of the performance run, compared with the accuracy run's."
    return Verification("TEST08", tuple(reasons), {VERIFY_ACCURACY: text(title, lines, not reasons)})

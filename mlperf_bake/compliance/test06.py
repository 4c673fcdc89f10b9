"""TEST06: the tokens of a language model's answers are what was counted.

For each answer that the run logged: it ends with at most one end-of-sequence token, it has as many tokens as were reported,
and (but in Offline, where no first token is reported) it begins with what was reported first, be it one token or more.
Tokens are 32-bit integers, little-endian. MLCommons' script passes a log without answers, an answer of two tokens that both
end it, and a first token of no bytes; here all three fail.
"""

import struct
from dataclasses import dataclass, field

from mlperf_bake.compliance.evidence import VERIFY_ACCURACY, Evidence, Verification
from mlperf_bake.results.accuracy_log import Response, read_responses

TOKEN_BYTES = 4


@dataclass
class _Count:
    """Answers, those without a reported number of tokens, and those that break each rule, with the first sample that does."""

    answers: int = 0
    uncounted: int = 0
    broken: dict[str, tuple[int, int]] = field(default_factory=dict)

    def breaks(self, rule: str, response: Response) -> None:
        number, first = self.broken.get(rule, (0, response.qsl_idx))
        self.broken[rule] = number + 1, first


_FIRST, _END, _LENGTH = "First token", "EOS", "Sample length"
_UNREPORTED = "the system must report it with each answer, and LoadGen be told to measure tokens"
_WORDS = {
    _FIRST: "start with another token than was reported first",
    _END: "end with more than one end-of-sequence token",
    _LENGTH: "have another length than was reported",
}


def verify(evidence: Evidence) -> Verification:
    """Judges the log of the test's run. Errors: UsageError for a log that is missing or cannot be read."""
    first_tokens = evidence.scenario != "Offline"
    end_token = int(evidence.audit.limits["end_token"])
    count = _Count()
    for response in read_responses(evidence.run_log):
        count.answers += 1
        count.uncounted += response.token_count is None
        _judge(response, end_token, first_tokens, count)
    reasons = [
        f"{number} of {count.answers} answers {_WORDS[rule]}, sample {first} first"
        for rule, (number, first) in count.broken.items()
    ]
    if count.uncounted:
        reasons.append(f"{count.uncounted} of them were logged without a number of tokens: {_UNREPORTED}")
    if not count.answers:
        reasons.append("the run logged no answer")
    said = {rule: bool(count.answers) and rule not in count.broken for rule in _WORDS}
    lines = [
        f"First token check pass: {said[_FIRST] if first_tokens else 'Skipped'}",
        f"EOS check pass: {said[_END]}",
        f"Sample length check pass: {said[_LENGTH]}",
        f"TEST06 verification {'failed' if reasons else 'complete'}",
    ]
    return Verification("TEST06", tuple(reasons), {VERIFY_ACCURACY: "\n".join(lines) + "\n"})


def _judge(response: Response, end_token: int, first_tokens: bool, count: _Count) -> None:
    data = response.data
    if len(data) % TOKEN_BYTES or response.token_count != len(data) // TOKEN_BYTES:
        count.breaks(_LENGTH, response)
    ending = data[-2 * TOKEN_BYTES :]
    if ending == 2 * struct.pack("<i", end_token):
        count.breaks(_END, response)
    reported = response.token_data
    if first_tokens and not (reported and data and _begin_alike(reported, data)):
        count.breaks(_FIRST, response)


def _begin_alike(reported: bytes, data: bytes) -> bool:
    """Whether what was reported first, one token or more, is how the answer begins; as far as both go."""
    both = min(len(reported), len(data))
    return reported[:both] == data[:both]

"""Why an image was not built: which step, which line of which template, what it said, what to do."""

import re
import shlex
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mlperf_bake.build.progress import Event, Remark, StepFinished, StepOutput, StepStarted
from mlperf_bake.errors import BakeError
from mlperf_bake.program import pasteable

Origin = Callable[[str, int], tuple[str, int] | None]
"""(cell id, line of its Dockerfile) to (template file, line in it)."""

SHOWN_LINES = 6

_DOCKERFILE_LINE = re.compile(r"^(?:\S*Dockerfile\S*|\S+\.dockerfile):(\d+)$")
_WANTED = re.compile(r"holds it: --context (\w+)=DIR$")
_EXIT_CODE = re.compile(r"exit code: (\d+)")


@dataclass(frozen=True, slots=True)
class Cause:
    """A failure that is recognised by what it says.

    Attributes:
        pattern: found in BuildKit's message or in the step's output.
        sentence: what it means; groups of the pattern may be used by number.
        remedy: what to do.
    """

    pattern: re.Pattern[str]
    sentence: str
    remedy: str


PIN_ANEW = (
    "the package changed at its source or on the way: review it and pin it anew with "
    "mlperf-bake lock --update 'packages/*'; a right wheel may be given with --context wheels=DIR"
)

OTHER_IMAGE = (
    "the same command asks again; where that does not help, ask another registry or go around the proxy or mirror: an image of "
    "your own is given with --context base=docker-image://REF"
)

CACHE_LOST = "the engine remembers steps whose files it no longer has, so it cannot write its cache"

CAUSES = (
    Cause(
        re.compile(r"^exporting cache to .*: .*not found$", re.M),
        CACHE_LOST,
        "the same command with --no-cache does every step anew",
    ),
    Cause(
        re.compile(r"failed to receive status: rpc error: code = Unavailable"),
        "the engine ended, or was started anew, while it built",
        "the same command goes on with what is done; where no engine answers: mlperf-bake doctor",
    ),
    Cause(
        re.compile(r"no space left on device|ENOSPC|write error: disk full", re.I),
        "no space left on the engine's disk",
        "mlperf-bake doctor --mend (drops build cache), docker image prune, then the same command again",
    ),
    Cause(
        re.compile(
            r"checksum mismatch: /weights/(\S+): expected sha256 ([0-9a-f]{64}), found ([0-9a-f]{64})"
        ),
        r"checksum mismatch: weights \1: expected \2, found \3",
        "give the right file with --context weights=DIR, or review it and pin it anew: "
        "mlperf-bake lock --update 'weights/*'",
    ),
    Cause(
        re.compile(r"checksum mismatch: /weights/(\S+): expected md5 ([0-9a-f]{32}), found ([0-9a-f]{32})"),
        r"checksum mismatch: weights \1: expected md5 \2, found \3",
        "give the right file with --context weights=DIR, or review it and correct md5 in matrix.yaml",
    ),
    Cause(
        re.compile(r"checksum mismatch: (\S+): expected sha256 ([0-9a-f]{64}), found ([0-9a-f]{64})"),
        r"checksum mismatch: \1: expected \2, found \3",
        PIN_ANEW,
    ),
    Cause(
        re.compile(r"missing file: /(weights|wheels)/([^\s\"\\]+)"),
        r"there is no \2 in the context \1",
        r"give a directory that holds it: --context \1=DIR",
    ),
    Cause(
        re.compile(r"Expected sha256 ([0-9a-f]{64})\s+Got\s+([0-9a-f]{64})"),
        r"checksum mismatch: expected \1, found \2",
        PIN_ANEW,
    ),
    Cause(
        re.compile(r"digest mismatch (\S+?):? ?(?:!=)? ?(sha256:[0-9a-f]{64})"),
        r"checksum mismatch: expected \1, found \2",
        "the file changed at its source or on the way; compare it with matrix.lock",
    ),
    Cause(
        re.compile(
            r'failed commit on ref "(\w+)-sha256:[0-9a-f]{64}": .*?unexpected commit digest (sha256:[0-9a-f]{64}), '
            r"expected (sha256:[0-9a-f]{64})"
        ),
        r"a registry sent another \1 of an image than its digest names: expected \3, found \2",
        OTHER_IMAGE,
    ),
    Cause(
        re.compile(
            r"failed to copy: httpReadSeeker: .*?(https?://\S+/blobs/sha256:[0-9a-f]{64}): (\d{3} [^\n]+)"
        ),
        r"a registry does not give all of \1: \2",
        OTHER_IMAGE,
    ),
    Cause(
        re.compile(
            r"CERTIFICATE_VERIFY_FAILED|certificate verify failed|x509: certificate signed by unknown authority",
            re.I,
        ),
        "a TLS certificate was not accepted",
        "set SSL_CERT_FILE to your company's certificate bundle: it goes into the build as a secret",
    ),
    Cause(
        re.compile(
            r'Get "?(https?://[^"\s]*/([^"\s/]+))"?: .*(no such host|refused|timeout|timed out|unreachable|reset)',
            re.I,
        ),
        r"\1 does not answer",
        r"get \2 from there on another machine, and give its directory: --context weights=DIR",
    ),
    Cause(
        re.compile(
            r"failed to resolve source metadata for (\S+?(?:@sha256:[0-9a-f]{64})?): \S+: not found", re.I
        ),
        r"the hub no longer has \1",
        "mlperf-bake lock --update 'bases/*' pins what the tag names now; if the tag is gone too, name another in "
        "matrix.yaml; or give an image with --context base=docker-image://REF",
    ),
    Cause(
        re.compile(
            r"failed to resolve source metadata for (\S+?):|failed to resolve reference \"([^\"]+)\"", re.I
        ),
        "the hub does not give a base image",
        "give one with --context base=docker-image://REF (build-base, where it is compiled); only Debian's can be made here from "
        "packages",
    ),
    Cause(
        re.compile(
            r"Temporary failure (?:in name resolution|resolving)|Could not resolve|no such host|Name or service not known",
            re.I,
        ),
        "a host name could not be resolved from inside the build",
        "check the network and the proxy (PIP_INDEX_URL, http_proxy), or build offline with --context wheels=DIR",
    ),
    Cause(
        re.compile(r"no mirror has \S*?([^/\s:]+\.deb)"),
        r"no mirror of the distribution has \1 any more",
        "name the version that it has now in matrix.yaml, then mlperf-bake lock; or give what is made of it: "
        "--context weights=DIR",
    ),
    Cause(
        re.compile(
            r"failed to (?:get build context|read context|find local context) ?(\S*)|lstat \S*: no such file",
            re.I,
        ),
        "a build context is missing",
        "check the directories given with --context NAME=PATH",
    ),
    Cause(
        re.compile(r'image "\S+": already exists'),
        "another build of the same image ended at the same moment",
        "the image is there: run the same command again",
    ),
    Cause(
        re.compile(r"additional privileges requested"),
        "buildx bake asks for a privilege that mlperf-bake does not give",
        "the log says which; builds need none but reading files, so look for settings of your builder or buildx",
    ),
    Cause(
        re.compile(r"adding interface \S+ to bridge (\S+) failed: Device does not exist", re.I),
        r"the engine's network bridge \1 is gone",
        "start the engine anew (sudo systemctl restart docker): it makes its bridge when it starts",
    ),
    Cause(
        re.compile(r"exec format error", re.I),
        "a program of a foreign platform was run",
        "mlperf-bake doctor --mend --platform linux/arm64 registers an emulator",
    ),
)


@dataclass(frozen=True, slots=True)
class BuildFailure:
    """One row of the failure table.

    Attributes:
        cell_id: which image.
        step: ``harness 3/5``, or what BuildKit was doing.
        instruction: the Dockerfile instruction.
        file: template, or the rendered Dockerfile where no template is known; with ``line``.
        line: line in ``file``, or 0.
        exit_code: of the failing command, or None where none ran.
        message: one sentence.
        remedy: what to do.
        last_lines: the end of the failing step's output.
        log_file: everything the build said.
        retry: the command that builds this image again.
    """

    cell_id: str
    step: str
    instruction: str
    file: str
    line: int
    exit_code: int | None
    message: str
    remedy: str
    last_lines: tuple[str, ...]
    log_file: Path
    retry: str

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


def explain_failure(
    cell_id: str,
    dockerfile_path: str,
    events: Sequence[Event],
    log_file: Path,
    origin: Origin | None,
    again: Sequence[str] = (),
) -> BuildFailure:
    """The row for a build that failed, from everything it said.

    Args:
        cell_id: which image.
        dockerfile_path: the rendered Dockerfile in the checkout.
        events: the build's events, in order.
        log_file: its log.
        origin: where a Dockerfile line comes from.
        again: options that the command to retry repeats.
    """
    failed = next(
        (
            event
            for event in events
            if isinstance(event, StepFinished) and event.error and not event.cancelled
        ),
        None,
    )
    remarks = [event.line for event in events if isinstance(event, Remark)]
    said = _output_of(failed, events)
    line = next((int(match[1]) for text in remarks if (match := _DOCKERFILE_LINE.match(text.strip()))), 0)
    place = origin(cell_id, line) if origin and line else None
    complaint = failed.error if failed else _complaint(remarks)
    exit_code = _EXIT_CODE.search(complaint)
    where = f"{failed.step.text}: {complaint}" if failed else ""
    message, remedy = _recognise([where, complaint, *remarks, *said]) or (
        "the command failed" if exit_code else complaint,
        f"read {log_file}",
    )
    return BuildFailure(
        cell_id=cell_id,
        step=failed.step.title if failed else "before the first step",
        instruction=failed.step.text if failed else "",
        file=place[0] if place else dockerfile_path,
        line=place[1] if place else line,
        exit_code=int(exit_code[1]) if exit_code else None,
        message=message,
        remedy=pasteable(remedy),
        last_lines=tuple(said[-SHOWN_LINES:]),
        log_file=log_file,
        retry=pasteable(
            " ".join(
                [f"mlperf-bake build --target={cell_id}", *map(shlex.quote, _with_wanted(again, remedy))]
            )
        ),
    )


def _with_wanted(again: Sequence[str], remedy: str) -> Sequence[str]:
    """The options to repeat, with the context that the remedy asks for in place of one of this name that did not hold it."""
    wanted = _WANTED.search(remedy)
    if wanted is None:
        return again
    return [
        *(option for option in again if not option.startswith(f"--context={wanted[1]}=")),
        f"--context={wanted[1]}=DIR",
    ]


def not_delivered(failure: BuildFailure, refused: BakeError) -> BuildFailure:
    """The row of an image that was built but did not get to where it should be."""
    found = f": {refused.found}" if refused.found else ""
    return replace(
        failure,
        step=f"publish to {refused.where}" if refused.where else "publish",
        instruction="",
        message=f"{refused.problem}{found}",
        remedy=refused.remedy or f"read {failure.log_file}",
    )


def took_too_long(failure: BuildFailure, events: Sequence[Event], limit_s: float) -> BuildFailure:
    """The row of an image whose build was ended at its time limit: at the first step that had not come to its end."""
    started = [event.step for event in events if isinstance(event, StepStarted) and event.step.stage]
    ended = {event.step.vertex for event in events if isinstance(event, StepFinished) and not event.error}
    step = next((step for step in started if step.vertex not in ended), None)
    said = [event.line for event in events if isinstance(event, StepOutput) and event.step == step]
    return replace(
        failure,
        step=step.title if step else failure.step,
        instruction=step.text if step else "",
        exit_code=None,
        message=f"it took longer than the {limit_s / 60:g} minutes of --time-limit",
        remedy="a longer --time-limit; what is done already is not done again. Where a step hangs, the log says at what",
        last_lines=tuple(said[-SHOWN_LINES:]),
    )


def _output_of(failed: StepFinished | None, events: Iterable[Event]) -> list[str]:
    if failed is None:
        return []
    return [
        event.line
        for event in events
        if isinstance(event, StepOutput) and event.step.vertex == failed.step.vertex and event.line.strip()
    ]


def _complaint(remarks: list[str]) -> str:
    errors = [line for line in remarks if line.startswith("ERROR:")]
    return (errors or remarks or ["buildx said nothing"])[-1].removeprefix("ERROR:").strip()


def _expanded(match: re.Match[str], text: str) -> str:
    return match.expand(text) if "\\" in text else text


def _recognise(texts: list[str]) -> tuple[str, str] | None:
    joined = "\n".join(texts)
    for cause in CAUSES:
        match = cause.pattern.search(joined)
        if match:
            return _expanded(match, cause.sentence), _expanded(match, cause.remedy)
    return None

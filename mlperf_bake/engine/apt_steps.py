"""apt and dpkg, run so that they ask nothing, remove nothing, and are never silent for long."""

from collections.abc import Callable

from mlperf_bake.engine.watched import Watched, watch

APT_ENVIRONMENT = {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C"}

INSTALL = (
    "apt-get",
    "install",
    "-y",
    "-q",
    "--no-install-recommends",
    "--no-remove",
    "-o",
    "DPkg::Lock::Timeout=300",
)
"""What comes before package names; a package of the user's is never removed for one of ours."""

UPDATE = (
    "apt-get",
    "update",
    "-q",
    "-o",
    "Acquire::Languages=none",
    "-o",
    "APT::Get::List-Cleanup=false",
)
"""Fetches package lists without translated descriptions, 6 MB a suite; those that this machine has stay."""

SILENCE_LIMIT_S = 1800.0
SAID = ("Get:", "Setting up ")


def apt(argv: tuple[str, ...], say: Callable[[str], None]) -> Watched:
    """Run an apt or dpkg command; says what it fetches and sets up, and after each 10 s of silence that it still runs.

    It is stopped after half an hour without a word.
    """
    return watch(
        argv,
        on_line=lambda line: say(f"  {line}") if line.startswith(SAID) else None,
        on_silence=lambda seconds: say(f"  {argv[0]} is still at it, {seconds:.0f} s"),
        silence_s=SILENCE_LIMIT_S,
        env=APT_ENVIRONMENT,
    )


def apt_complaint(done: Watched) -> str:
    """apt's first error, else the last thing it said."""
    return next((line for line in done.lines if line.startswith("E: ")), done.last_line)

"""The harness's options as words: what they name, and some replaced by others."""

from collections.abc import Iterable, Iterator

HARNESS_OPTIONS = {
    "duration": "SECONDS",
    "min-queries": "N",
    "workers": "N",
    "threads": "M",
    "batch": "B",
    "batch-timeout-us": "T",
    "pin": "compact",
    "warmup": "N",
    "target-qps": "Q",
    "target-latency-ms": "L",
    "samples": "N",
    "backend": "NAME",
    "backend-option": "NAME=VALUE",
    "precision": "NAME",
    "verify": "",
    "watchdog": "SECONDS",
    "leak-limit-mb": "MB",
}
"""What a user may pass on to the harness, and what stands for its value; the rest of its options `run` gives itself."""

OPTIONS_OF_RUN = (
    *("duration", "min-queries", "target-qps", "target-latency-ms"),
    *("workers", "threads", "batch", "samples"),
)
"""Those that `run` takes as options of its own; the others stand behind ``--``."""

OF_TIME_AND_RATE = ("duration", "min-queries", "target-qps", "target-latency-ms")
"""Options that mean nothing to an accuracy run."""

Option = tuple[str, tuple[str, ...]]
"""An option's name without its dashes, and its words as they were given: ``("batch", ("--batch", "4"))``."""


def options_in(words: Iterable[str]) -> Iterator[Option]:
    """Each option among the words, in order: ``--name value``, ``--name=value`` or a switch.

    A word that belongs to none comes with an empty name; the harness will refuse it.
    """
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("--"):
            yield "", (word,)
            continue
        name, equals, _ = word[2:].partition("=")
        takes_next = not equals and rest and not rest[0].startswith("--")
        yield name, (word, rest.pop(0)) if takes_next else (word,)


def overriding(words: Iterable[str], by: Iterable[str]) -> tuple[str, ...]:
    """``words`` without the options that ``by`` names, and then ``by``."""
    by = tuple(by)
    named = {name for name, _ in options_in(by)}
    kept = [word for name, option in options_in(words) if name not in named for word in option]
    return (*kept, *by)


def of_accuracy(words: Iterable[str]) -> tuple[str, ...]:
    """Those of the options that mean something to an accuracy run, too."""
    return tuple(
        word for name, option in options_in(words) if name not in OF_TIME_AND_RATE for word in option
    )


def value_of(words: Iterable[str], name: str) -> str | None:
    """The value that an option is given; None where it is not there or is a switch."""
    for found, option in options_in(words):
        if found == name:
            return option[1] if len(option) > 1 else option[0].partition("=")[2] or None
    return None


def as_typed(words: Iterable[str]) -> tuple[str, ...]:
    """The words as `mlperf-bake run` takes them: its own options first, the others behind ``--``."""
    options = tuple(options_in(words))
    own = tuple(word for name, option in options if name in OPTIONS_OF_RUN for word in option)
    others = tuple(word for name, option in options if name not in OPTIONS_OF_RUN for word in option)
    return (*own, "--", *others) if others else own

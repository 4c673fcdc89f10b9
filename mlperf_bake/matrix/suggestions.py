"""The nearest valid names for a misspelt one, as a phrase to put behind an error."""

from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """At most ``count`` of ``choices`` that resemble ``word``, best first; empty where none does."""
    import difflib  # only on the way to an error

    return tuple(difflib.get_close_matches(word[:200], sorted(set(choices)), n=count, cutoff=0.6))


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean "x"?)`` or nothing."""
    found = nearest(word, choices, 1)
    return f' (did you mean "{found[0]}"?)' if found else ""

"""The nearest valid names for a misspelt one, as a phrase to put behind an error."""

from collections.abc import Iterable


def nearest(word: str, choices: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """At most ``count`` of ``choices`` that resemble ``word``, best first, capitals or not; empty where none does."""
    import difflib  # only on the way to an error

    folded = {choice.casefold(): choice for choice in sorted(set(choices), reverse=True)}
    close = difflib.get_close_matches(word[:200].casefold(), sorted(folded), n=count, cutoff=0.6)
    return tuple(folded[choice] for choice in close)


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean "x"?)`` or nothing."""
    found = nearest(word, choices, 1)
    return f' (did you mean "{found[0]}"?)' if found else ""

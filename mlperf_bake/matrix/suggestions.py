"""The nearest valid names for a misspelt one, as a phrase to put behind an error."""

from collections.abc import Iterable

RESEMBLES = 0.6
"""Least likeness, of 1, of a name that may have been meant."""
HOLDS = 0.75
"""Likeness of a name that the word is a part of; one misspelt letter in a word as long is liker still."""
LEAST_PART = 3
"""Letters of the shortest word that is looked for within names."""
SURE, NEXT_TO = 0.9, 0.05
"""Where one is that like, others are only named if they are hardly less so."""


def nearest(word: str, choices: Iterable[str], count: int = 3) -> tuple[str, ...]:
    """At most ``count`` of ``choices`` that resemble ``word``, best first, capitals or not; empty where none does.

    Of names that are equally like it the first of ``choices`` comes first; a set has no first, and is sorted.
    """
    ordered = sorted(choices) if isinstance(choices, set | frozenset) else tuple(choices)
    folded: dict[str, str] = {}
    for choice in ordered:
        folded.setdefault(choice.casefold(), choice)
    likenesses = _likenesses(word[:200].casefold(), folded)
    found = sorted(likenesses, key=lambda choice: -likenesses[choice])[:count]
    best = max(likenesses.values(), default=0.0)
    least = best - NEXT_TO if best >= SURE else 0.0
    return tuple(folded[choice] for choice in found if likenesses[choice] >= least)


def _likenesses(word: str, choices: Iterable[str]) -> dict[str, float]:
    """Of each choice that is like enough, its likeness, in their order."""
    import difflib  # only on the way to an error

    matcher = difflib.SequenceMatcher()
    matcher.set_seq2(word)
    found = {}
    for choice in choices:
        matcher.set_seq1(choice)
        likeness = HOLDS if len(word) >= LEAST_PART and word in choice else 0.0
        if min(matcher.real_quick_ratio(), matcher.quick_ratio()) >= RESEMBLES:
            likeness = max(likeness, matcher.ratio())
        if likeness >= RESEMBLES:
            found[choice] = likeness
    return found


def did_you_mean(word: str, choices: Iterable[str]) -> str:
    """`` (did you mean "x"?)`` or nothing."""
    found = nearest(word, choices, 1)
    return f' (did you mean "{found[0]}"?)' if found else ""

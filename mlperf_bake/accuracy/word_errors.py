"""Word errors between what was heard and what was said."""

from collections.abc import Sequence

from mlperf_bake.accuracy.libraries import library

_LONGEST_JOIN = 3


def word_errors(heard: Sequence[str], said: Sequence[str]) -> int:
    """Insertions, deletions and substitutions between two lists of words (Levenshtein distance, with rapidfuzz)."""
    distance = library("rapidfuzz.distance.Levenshtein", "counting word errors").distance
    return int(distance(heard, said))


def with_joined_words(heard: Sequence[str], said: Sequence[str]) -> tuple[list[str], list[str]]:
    """Both lists with up to three words joined where together they are one word of the other list.

    ``black board`` and ``blackboard`` are then no error. Words are gone through from the left, side by side, as
    MLCommons' compute_wer_with_concatenation does for whisper.
    """
    left: list[str] = []
    right: list[str] = []
    i = j = 0
    while i < len(heard) and j < len(said):
        taken_i, taken_j = _join(heard, said, i, j)
        left.append("".join(heard[i : i + taken_i]))
        right.append("".join(said[j : j + taken_j]))
        i, j = i + taken_i, j + taken_j
    return left + list(heard[i:]), right + list(said[j:])


def _join(heard: Sequence[str], said: Sequence[str], i: int, j: int) -> tuple[int, int]:
    """How many words to take of each list; one of each where no join makes them equal."""
    for count in range(1, _LONGEST_JOIN + 1):
        if j + count <= len(said) and "".join(said[j : j + count]) == heard[i]:
            return 1, count
        if i + count <= len(heard) and "".join(heard[i : i + count]) == said[j]:
            return count, 1
    return 1, 1

"""The words of a text that an answer's tokens stand for: ``steve smith`` in ``Steve Smith's`` is ``Steve Smith``."""

from collections.abc import Sequence

from mlperf_bake.accuracy.wordpiece import WordPieces


def joined(tokens: Sequence[str]) -> str:
    """Tokens as text: pieces of a word put together, words parted by one space."""
    text = " ".join(tokens).replace(" ##", "").replace("##", "")
    return " ".join(text.split())


def original(answer: str, text: str, pieces: WordPieces) -> str:
    """The part of the text that the answer, in lower case and without accents, was made from.

    Both are compared without spaces, character by character; where their counts differ, because a character was
    dropped or became two, the whole text is given, as in MLCommons' accuracy-squad.py.
    """
    normal = " ".join(pieces.words(text))
    start = normal.find(answer)
    if start < 0:
        return text
    places = [place for place, character in enumerate(text) if character != " "]
    normal_places = [place for place, character in enumerate(normal) if character != " "]
    if len(places) != len(normal_places):
        return text
    number_of = {place: number for number, place in enumerate(normal_places)}
    first, last = number_of.get(start), number_of.get(start + len(answer) - 1)
    if first is None or last is None:
        return text
    return text[places[first] : places[last] + 1]

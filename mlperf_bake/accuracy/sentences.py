"""Text with one sentence a line, as ROUGE-Lsum wants it, by nltk's Punkt for English."""

from collections.abc import Callable
from typing import Any

from mlperf_bake.accuracy.libraries import library

Split = Callable[[str], list[str]]
ABSENT = "nltk's Punkt data are not installed: python -m nltk.downloader punkt_tab"


def english_sentences() -> Split | None:
    """Splits English text into sentences; None where nltk's data are not on this machine (they are never fetched)."""
    punkt: Any = library("nltk.tokenize.punkt", "finding the ends of sentences")
    try:
        tokenizer = punkt.PunktTokenizer("english")
    except LookupError:
        return None
    split: Split = tokenizer.tokenize
    return split


def one_a_line(text: str, split: Split) -> str:
    """The text, its sentences parted by line ends."""
    return "\n".join(split(text.strip()))

"""Uncased WordPiece tokens of BERT, with the tokenizers library: one word at a time, as the SQuAD reference does."""

from pathlib import Path
from typing import Any

from mlperf_bake.accuracy.libraries import library
from mlperf_bake.errors import UsageError
from mlperf_bake.unreadable import reason

_LONGEST_WORD = 100
_PURPOSE = "splitting text as BERT does"


class WordPieces:
    """Splits words by a vocabulary file (vocab.txt: one token a line).

    Raises:
        UsageError: no vocabulary.
    """

    def __init__(self, vocabulary: Path) -> None:
        try:
            tokens = vocabulary.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            found = reason(error)
            raise UsageError("the vocabulary cannot be read", where=str(vocabulary), found=found) from error
        if "[UNK]" not in tokens:
            raise UsageError(
                "no BERT vocabulary", where=str(vocabulary), expected="one token a line, [UNK] among them"
            )
        module = library("tokenizers", _PURPOSE)
        numbers = {token: number for number, token in reversed(list(enumerate(tokens))) if token}
        self._pieces: Any = module.models.WordPiece(
            numbers, unk_token="[UNK]", max_input_chars_per_word=_LONGEST_WORD
        )
        self._normalizer: Any = library("tokenizers.normalizers", _PURPOSE).BertNormalizer(
            clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True
        )
        self._splitter: Any = library("tokenizers.pre_tokenizers", _PURPOSE).BertPreTokenizer()
        self._known: dict[str, tuple[str, ...]] = {}

    def number(self, token: str) -> int:
        """A token's line in the vocabulary, from 0. Errors: UsageError where it is none of it."""
        number: int | None = self._pieces.token_to_id(token)
        if number is None:
            raise UsageError(f'the vocabulary has no token "{token}"', expected="one of BERT")
        return number

    def words(self, text: str) -> list[str]:
        """The text in lower case, split at white space and punctuation, without accents."""
        normal = self._normalizer.normalize_str(text)
        return [word for word, _ in self._splitter.pre_tokenize_str(normal)]

    def split(self, text: str) -> tuple[str, ...]:
        """The text's tokens; those that go on within a word start with ##."""
        tokens = self._known.get(text)
        if tokens is None:
            tokens = tuple(piece.value for word in self.words(text) for piece in self._pieces.tokenize(word))
            self._known[text] = tokens
        return tokens

"""Generated tokens as text, with the model's own tokenizer.json and the tokenizers library."""

import json
from pathlib import Path
from typing import Any, Final

from mlperf_bake.accuracy.libraries import library
from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.numbers import numbers
from mlperf_bake.errors import UsageError
from mlperf_bake.results.accuracy_log import Response
from mlperf_bake.unreadable import reason

_FILE: Final = "tokenizer.json"
_CONFIG: Final = "tokenizer_config.json"
_CLEAN_UP: Final = (" .", " ?", " !", " ,", " ' ", " n't", " 'm", " 's", " 've", " 're")
"""Spaces that Hugging Face's clean-up takes away, where a model's configuration asks for it."""
_FEW: Final = 4


class Generated:
    """Reads the tokens of responses and turns them into text.

    Args:
        given: ``tokenizer`` is a tokenizer.json or the directory with it, and tokenizer_config.json beside it.
        dtype: of the tokens where ``given`` names none.

    Raises:
        UsageError: no tokenizer was given, or it is none.
    """

    def __init__(self, given: Given, dtype: str) -> None:
        if given.tokenizer is None:
            raise UsageError(
                "the responses are tokens, and nothing says which text they stand for",
                expected=f"the {_FILE} of the model that was run",
                remedy=f"--tokenizer PATH: {_FILE}, or the directory of the model that holds it",
            )
        path = given.tokenizer / _FILE if given.tokenizer.is_dir() else given.tokenizer
        self._dtype = given.dtype or dtype
        self._tokenizer = _load(path)
        self._size: int = self._tokenizer.get_vocab_size(with_added_tokens=True)
        self._cleans = _cleans_up(path.with_name(_CONFIG))

    def tokens(self, answer: Response, log: Path) -> list[int]:
        """The tokens of a response.

        Raises:
            UsageError: not made of such numbers, or no tokens of this model.
        """
        found = [int(number) for number in numbers(answer, self._dtype, log)]
        padded = len(found) >= _FEW and not any(found[1::2])  # halves of wider numbers
        if padded or not all(0 <= number < self._size for number in found):
            raise UsageError(
                "a response is not made of the model's tokens",
                where=f"{log}:{answer.line}",
                found=f"sample {answer.qsl_idx}, read as {self._dtype}: {str(found[:6])[1:-1]}",
                expected=f"tokens 0 to {self._size - 1}",
                remedy="name the type that the system under test answered with: --dtype int32 or --dtype int64",
            )
        return found

    def text(self, tokens: list[int], *, special: bool = False) -> str:
        """The text of tokens, with or without special ones."""
        text: str = self._tokenizer.decode(tokens, skip_special_tokens=not special)
        if self._cleans:
            for ending in _CLEAN_UP:
                text = text.replace(ending, ending.strip())
        return text


def _load(path: Path) -> Any:
    module = library("tokenizers", "turning tokens into text")
    try:
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError("the tokenizer cannot be read", where=str(path), found=reason(error)) from error
    try:
        return module.Tokenizer.from_str(content)
    except Exception as error:  # the library raises nothing narrower
        raise UsageError("no tokenizer", where=str(path), found=reason(error), expected=_FILE) from error


def _cleans_up(path: Path) -> bool:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return False
    except (OSError, ValueError) as error:
        raise UsageError(
            "the tokenizer's configuration cannot be read", where=str(path), found=reason(error)
        ) from error
    return isinstance(found, dict) and found.get("clean_up_tokenization_spaces") is True

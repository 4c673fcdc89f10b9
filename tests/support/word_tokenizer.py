"""A tokenizer.json of whole words, for tests of benchmarks that answer with tokens."""

import struct
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.models import WordLevel

END = "</s>"


class WordTokenizer:
    """Writes a tokenizer.json whose words are those of the texts; tokens are joined by spaces."""

    def __init__(self, directory: Path, texts: Iterable[str]) -> None:
        words = sorted({word for text in texts for word in text.split(" ")})
        self.numbers = {word: number for number, word in enumerate([END, *words])}
        tokenizer = Tokenizer(WordLevel(self.numbers, unk_token=END))
        tokenizer.add_special_tokens([END])
        self.path = directory / "tokenizer.json"
        tokenizer.save(str(self.path))

    def response(self, text: str, form: str = "q") -> bytes:
        """The text's tokens and the end token, little-endian."""
        tokens = [*(self.numbers[word] for word in text.split(" ")), self.numbers[END]]
        return struct.pack(f"<{len(tokens)}{form}", *tokens)

"""What is wrong in one file, collected and shown with its lines."""

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.node import Spot

MAX_PROBLEMS = 50


class Problems:
    """Collects what is wrong in one file, so that all of it is shown at once."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self._lines = text.splitlines()
        self._found: list[tuple[Spot, str]] = []

    def add(self, spot: Spot, sentence: str) -> None:
        """Notes one problem; ``sentence`` says what was found and what was expected."""
        self._found.append((spot, sentence))

    def __bool__(self) -> bool:
        return bool(self._found)

    def raise_if_any(self) -> None:
        """Raises UsageError with every problem, in the order of the file, each with its line shown."""
        if not self._found:
            return
        found = sorted(set(self._found))
        shown = [self._excerpt(spot, sentence) for spot, sentence in found[:MAX_PROBLEMS]]
        if len(found) > MAX_PROBLEMS:
            shown.append(f"... and {len(found) - MAX_PROBLEMS} more")
        raise UsageError("\n".join(shown), remedy=f"correct {self.name} and run the same command again")

    def _excerpt(self, spot: Spot, sentence: str) -> str:
        head = f"{spot.file or self.name}:{spot.line}:{spot.column}: {_printable(sentence)}"
        if spot.file or not 1 <= spot.line <= len(self._lines):
            return head
        line = self._lines[spot.line - 1]
        start = max(0, spot.column - 60)
        shown = _printable(line[start : start + 100])
        return f"{head}\n    {spot.line} | {shown}\n    {' ' * len(str(spot.line))} | {' ' * (spot.column - 1 - start)}^"


def _printable(text: str) -> str:
    """Nothing that a terminal would obey."""
    return "".join(character if character.isprintable() else " " for character in text)

"""How long steps report what they have done: a callback, so that nothing in here knows of terminals."""

from typing import Protocol


class Progress(Protocol):
    """Receives the state of a step; called often, from one thread, and must return at once."""

    def __call__(self, step: str, done: int, total: int | None) -> None:
        """
        Args:
            step: what is being done, in the user's words; a new text starts a new step.
            done: units (bytes, images) finished.
            total: units in all, or None where nobody knows.
        """


def silent(step: str, done: int, total: int | None) -> None:
    """A Progress that shows nothing."""

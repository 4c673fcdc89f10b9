"""What a container says reaches whoever looks on once, and its last sentence whoever tells how it ended."""

from typing import cast

from docker.models.containers import Container

from mlperf_bake.run.progress import Event, Said
from mlperf_bake.run.service import _Following

SENTENCE = 'mlperf-harness: --run-id is "a b"; expected letters.'


class Speaking:
    """A container that says these pieces on stderr."""

    def __init__(self, *pieces: bytes) -> None:
        self._pieces = pieces

    def attach(self, **_: object) -> list[tuple[bytes | None, bytes | None]]:
        return [(None, piece) for piece in self._pieces]


class Seen:
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def event(self, event: Event) -> None:
        self.events.append(event)

    def tick(self) -> None:
        """Nothing moves."""

    def close(self) -> None:
        """Nothing is open."""


def followed(*pieces: bytes) -> tuple[list[Event], tuple[str, ...]]:
    seen = Seen()
    return seen.events, _Following(cast(Container, Speaking(*pieces))).follow(seen)


def test_the_last_sentence_is_told_once_by_whoever_says_how_it_ended() -> None:
    shown, said = followed(b"loading\n", SENTENCE.encode() + b"\n")
    assert shown == [Said("loading")]
    assert said == ("loading", SENTENCE)


def test_a_sentence_that_the_engine_hands_over_twice_is_not_shown() -> None:
    """Docker replays what a container said before it was attached to, and streams it as well where both meet."""
    line = SENTENCE.encode() + b"\n"
    shown, said = followed(line, line)
    assert shown == []
    assert said[-1] == SENTENCE


def test_a_sentence_that_is_not_the_last_word_is_shown_in_its_place() -> None:
    shown, _ = followed(SENTENCE.encode() + b"\n", b"then more\n")
    assert shown == [Said(SENTENCE), Said("then more")]

"""The daemon's HTTP: whole answers in each of their forms, and everything else as an engine that does not answer."""

import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mlperf_bake.engine.daemon_socket import DaemonSocket
from mlperf_bake.errors import EngineMissing

Answering = Callable[[bytes], str]
LENGTH = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n" + b'{"Id": 1}'
CHUNKS = (
    b"HTTP/1.1 404 Not Found\r\ntransfer-encoding: chunked\r\n\r\n"
    b'4;x=y\r\n{"Id\r\n5\r\n": 1}\r\n0\r\nTrailer: 1\r\n\r\n'
)
UNTIL_THE_END = b'HTTP/1.0 200 OK\r\nServer: x\r\n\r\n{"Id": 1}'
CLOSING = LENGTH.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
NOTHING = b"HTTP/1.1 204 No Content\r\n\r\n"


class Raw:
    """Answers the requests of each connection with the bytes given for it, one by one, then closes it."""

    def __init__(self, path: Path, answers: list[list[bytes]]) -> None:
        self.path = str(path)
        self.asked: list[bytes] = []
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listening.bind(self.path)
        self._listening.listen()
        self._answers = answers
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for answers in self._answers:
            connection, _ = self._listening.accept()
            for answer in answers:
                if not (asked := connection.recv(4096)):
                    break
                self.asked.append(asked)
                connection.sendall(answer)
            connection.close()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (LENGTH, (200, {"Id": 1})),
        (CHUNKS, (404, {"Id": 1})),
        (UNTIL_THE_END, (200, {"Id": 1})),
        (NOTHING, (204, None)),
    ],
)
def test_an_answer_is_read_in_each_form_that_ends(
    tmp_path: Path, answer: bytes, expected: tuple[int, object]
) -> None:
    raw = Raw(tmp_path / "d.sock", [[answer]])
    with DaemonSocket(raw.path) as daemon:
        assert daemon.request("GET", "/images/net%3Ax/json") == expected
    assert raw.asked == [b"GET /images/net%3Ax/json HTTP/1.1\r\nHost: engine\r\nContent-Length: 0\r\n\r\n"]


def test_a_connection_is_kept_until_the_daemon_says_it_is_the_last_answer(tmp_path: Path) -> None:
    raw = Raw(tmp_path / "d.sock", [[LENGTH, CHUNKS, CLOSING], [LENGTH]])
    with DaemonSocket(raw.path) as daemon:
        assert [daemon.request("GET", f"/{number}")[0] for number in range(4)] == [200, 404, 200, 200]
    assert len(raw.asked) == 4


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        (b"", "closed the connection"),
        (LENGTH[:-1], "ended after 8 of 9 bytes"),
        (LENGTH[:30], "ended within a line"),
        (CHUNKS[:-3], "ended within a line"),
        (CHUNKS.replace(b"5\r\n", b"x\r\n"), "x"),
        (LENGTH.replace(b": 9", b": nine"), "nine"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "no answer in HTTP/1.1"),
        (LENGTH.replace(b'"Id"', b'"Id '), "Unterminated string"),
    ],
)
def test_what_is_no_whole_answer_is_an_engine_that_does_not_answer(
    tmp_path: Path, answer: bytes, found: str
) -> None:
    raw = Raw(tmp_path / "d.sock", [[answer], [LENGTH]])
    with DaemonSocket(raw.path) as daemon:
        with pytest.raises(EngineMissing) as caught:
            daemon.request("GET", "/info")
        assert found in str(caught.value.found)
        assert daemon.request("GET", "/info") == (200, {"Id": 1}), "the next is asked anew"


def test_a_daemon_that_says_nothing_is_not_waited_for_longer_than_its_time(tmp_path: Path) -> None:
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening,
        DaemonSocket(str(tmp_path / "d.sock"), timeout=0.05) as daemon,
    ):
        listening.bind(str(tmp_path / "d.sock"))
        listening.listen()
        with pytest.raises(EngineMissing) as caught:
            daemon.request("GET", "/info")
        assert "timed out" in str(caught.value.found)


@pytest.fixture(scope="module")
def answering(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Answering]:
    """Asks a daemon that answers with given bytes; the kind of what comes back."""
    path = str(tmp_path_factory.mktemp("fuzz") / "d.sock")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listening:
        listening.bind(path)
        listening.listen()

        def ask(answer: bytes) -> str:
            def serve() -> None:
                connection, _ = listening.accept()
                connection.recv(4096)
                connection.sendall(answer)
                connection.close()

            thread = threading.Thread(target=serve)
            thread.start()
            try:
                with DaemonSocket(path) as daemon:
                    daemon.request("GET", "/info")
            except EngineMissing:
                return "no answer"
            finally:
                thread.join()
            return "answer"

        yield ask


@given(cut=st.integers(0, len(CHUNKS)), place=st.integers(0, len(CHUNKS) - 1), byte=st.integers(0, 255))
def test_no_damaged_answer_is_more_than_an_engine_that_does_not_answer(
    answering: Answering, cut: int, place: int, byte: int
) -> None:
    damaged = CHUNKS[:place] + bytes([byte]) + CHUNKS[place + 1 :]
    assert answering(damaged[:cut]) in ("answer", "no answer")
    assert answering(CHUNKS) == "answer"

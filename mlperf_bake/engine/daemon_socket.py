"""The daemon's HTTP interface over its UNIX socket: a request costs a third of a millisecond beside what the daemon does,
docker-py's import 124.

Spoken here by hand, as far as a daemon answers it: http.client takes 13 ms to import, and as long for each 100 answers as
the daemon itself.
"""

import json
import socket
import threading
from collections.abc import Sequence
from contextlib import suppress
from io import BufferedReader
from types import TracebackType

from mlperf_bake.errors import EngineMissing

ANSWER_LIMIT_S = 30.0
CONNECTIONS = 8
"""Over which many requests are made at once: more give nothing more on two CPUs, and a daemon of many has room."""
LONGEST_LINE = 1 << 16


class DaemonSocket:
    """A connection that is kept from request to request.

    Args:
        path: of the socket, ``/var/run/docker.sock``.
        timeout: seconds that an answer may take.
    """

    def __init__(self, path: str, timeout: float = ANSWER_LIMIT_S) -> None:
        self._path = path
        self._timeout = timeout
        self._open: tuple[socket.socket, BufferedReader] | None = None

    def __enter__(self) -> "DaemonSocket":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def request(self, method: str, url: str) -> tuple[int, object]:
        """Status and JSON of one request, which sends nothing but its URL; that is quoted.

        Raises:
            EngineMissing: nobody answers, not in time, or not in JSON.
        """
        try:
            connection, answer = self._open or self._connect()
            head = f"{method} {url} HTTP/1.1\r\nHost: engine\r\nContent-Length: 0\r\n\r\n"
            connection.sendall(head.encode("ascii"))
            status, body, last = _read(answer)
            if last:
                self._close()
            return status, json.loads(body or b"null")
        except (OSError, ValueError) as error:
            self._close()
            raise EngineMissing(
                "the container engine does not answer",
                where=f"unix://{self._path}",
                found=str(error),
                remedy="mlperf-bake doctor",
            ) from error

    def _connect(self) -> tuple[socket.socket, BufferedReader]:
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._open = connection, connection.makefile("rb")
        connection.settimeout(self._timeout)
        connection.connect(self._path)
        return self._open

    def _close(self) -> None:
        if self._open:
            connection, answer = self._open
            self._open = None
            with suppress(OSError):
                answer.close()
            connection.close()


def _read(answer: BufferedReader) -> tuple[int, bytes, bool]:
    """Status and body of the next answer, and whether it is the connection's last.

    Raises:
        ValueError: it is no HTTP/1.1, or ends before its end.
        OSError: the connection breaks, or nothing comes in time.
    """
    version, _, rest = _line(answer).partition(b" ")
    if not version.startswith(b"HTTP/1."):
        raise ValueError(f"no answer in HTTP/1.1, but {version[:40]!r}")
    status = int(rest.split()[0]) if rest.split() else 0
    fields: dict[bytes, bytes] = {}
    while line := _line(answer):
        name, _, value = line.partition(b":")
        fields[name.strip().lower()] = value.strip().lower()
    last = fields.get(b"connection") == b"close" or version == b"HTTP/1.0"
    if fields.get(b"transfer-encoding") == b"chunked":
        return status, _chunks(answer), last
    if b"content-length" in fields:
        return status, _exactly(answer, int(fields[b"content-length"])), last
    return (status, answer.read(), True) if last else (status, b"", False)


def _chunks(answer: BufferedReader) -> bytes:
    body = []
    while size := int(_line(answer).partition(b";")[0], 16):
        body.append(_exactly(answer, size))
        _line(answer)
    while _line(answer):  # trailers
        pass
    return b"".join(body)


def _exactly(answer: BufferedReader, size: int) -> bytes:
    body = answer.read(max(size, 0))
    if len(body) != size:
        raise ValueError(f"the answer ended after {len(body)} of {size} bytes")
    return body


def _line(answer: BufferedReader) -> bytes:
    line = answer.readline(LONGEST_LINE)
    if not line.endswith(b"\n"):
        raise ValueError("the daemon closed the connection" if not line else "the answer ended within a line")
    return line.rstrip(b"\r\n")


def answers(path: str, urls: Sequence[str], connections: int = CONNECTIONS) -> list[tuple[int, object]]:
    """Status and JSON of one GET each, in the order of ``urls``, over several connections at once.

    Raises:
        EngineMissing: as ``DaemonSocket.request``.
    """
    found: dict[int, tuple[int, object]] = {}
    failed: list[EngineMissing] = []
    waiting = list(enumerate(urls))[::-1]

    def ask() -> None:
        with DaemonSocket(path) as daemon:
            while waiting and not failed:
                try:
                    number, url = waiting.pop()
                except IndexError:  # another thread took the last one
                    return
                try:
                    found[number] = daemon.request("GET", url)
                except EngineMissing as error:
                    failed.append(error)

    threads = [threading.Thread(target=ask, daemon=True) for _ in range(min(connections, len(urls)) - 1)]
    for thread in threads:
        thread.start()
    ask()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
    return [found[number] for number in range(len(urls))]

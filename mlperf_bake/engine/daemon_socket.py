"""The daemon's HTTP interface over its UNIX socket: a request costs a millisecond, docker-py's import 124."""

import http.client
import json
import socket
import threading
from collections.abc import Sequence
from types import TracebackType

from mlperf_bake.errors import EngineMissing

ANSWER_LIMIT_S = 30.0
CONNECTIONS = 8
"""Over which many requests are made at once: more give nothing more on two CPUs, and a daemon of many has room."""


class _Connection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str, timeout: float) -> None:
        super().__init__("engine", timeout=timeout)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class DaemonSocket:
    """A connection that is kept from request to request.

    Args:
        path: of the socket, ``/var/run/docker.sock``.
        timeout: seconds that an answer may take.
    """

    def __init__(self, path: str, timeout: float = ANSWER_LIMIT_S) -> None:
        self._path = path
        self._connection = _Connection(path, timeout)

    def __enter__(self) -> "DaemonSocket":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def request(self, method: str, url: str) -> tuple[int, object]:
        """Status and JSON of one request.

        Raises:
            EngineMissing: nobody answers, not in time, or not in JSON.
        """
        try:
            self._connection.request(method, url)
            answer = self._connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise EngineMissing(
                "the container engine does not answer",
                where=f"unix://{self._path}",
                found=str(error),
                remedy="mlperf-bake doctor",
            ) from error


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

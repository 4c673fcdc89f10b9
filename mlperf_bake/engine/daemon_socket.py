"""The daemon's HTTP interface over its UNIX socket: a request costs a millisecond, docker-py's import 124."""

import http.client
import json
import socket
from types import TracebackType

from mlperf_bake.errors import EngineMissing

ANSWER_LIMIT_S = 30.0


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

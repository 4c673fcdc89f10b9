"""A container engine's daemon in a few lines: what it tells of images and of itself, over a UNIX socket."""

import json
import threading
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import ThreadingMixIn, UnixStreamServer
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, unquote, urlparse


class _Server(ThreadingMixIn, UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


class StandinDaemon:
    """Answers while it is a context.

    Attributes:
        host: its URL.
        images: what it tells of each image, by each of its names.
        info: what it tells of itself; None: not found.
        failing: whether it answers all with an internal error.
        asked: the paths that it was asked for, in order of arrival.
        filters: those of the lists among them.
    """

    def __init__(self, socket: Path) -> None:
        self.host = f"unix://{socket}"
        self.images: dict[str, dict[str, Any]] = {}
        self.info: dict[str, object] | None = None
        self.failing = False
        self.asked: list[str] = []
        self.filters: list[str] = []
        self._server = _Server(str(socket), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> "StandinDaemon":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, url: str) -> tuple[int, object]:
        """Status and JSON."""
        asked = urlparse(url)
        path = unquote(asked.path)
        self.asked.append(path)
        if self.failing:
            return 500, {"message": "no space left on device"}
        if path == "/info" and self.info is not None:
            return 200, self.info
        if path == "/images/json":
            self.filters.append(parse_qs(asked.query)["filters"][0])
            return 200, [
                {**told, "Labels": told["Config"]["Labels"], "Config": None} for told in self.images.values()
            ]
        told = self.images.get(path.removeprefix("/images/").removesuffix("/json"))
        return (200, told) if told else (404, {"message": "no such thing"})


def _handler(daemon: StandinDaemon) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            status, told = daemon.answer(self.path)
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "socket"

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    return Handler

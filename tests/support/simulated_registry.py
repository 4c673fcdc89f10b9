"""A registry on loopback, kept in memory, that can be told to fail: what a push meets on a bad day."""

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

Fault = Callable[["Handler"], bool]
"""Deals with a request in its own way and says True, or leaves it alone."""


@dataclass
class SimulatedRegistry:
    """What it has, and what was asked of it.

    Attributes:
        host: ``127.0.0.1:PORT``.
        blobs: (repository, digest) to bytes.
        manifests: (repository, tag or digest) to bytes and media type.
        asked: method and path of every request.
        faults: each is offered every request until it says that it has dealt with one; then it is gone.
        always: likewise, and stays.
    """

    host: str = ""
    blobs: dict[tuple[str, str], bytes] = field(default_factory=dict)
    manifests: dict[tuple[str, str], tuple[bytes, str]] = field(default_factory=dict)
    asked: list[tuple[str, str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    always: list[Fault] = field(default_factory=list)

    def tags(self) -> set[str]:
        """``repository:tag`` of all that is named."""
        return {f"{repository}:{name}" for repository, name in self.manifests if "sha256:" not in name}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    registry: SimulatedRegistry

    def log_message(self, format: str, *arguments: object) -> None:
        """Says nothing."""

    def answer(self, status: int, headers: dict[str, str] | None = None, content: bytes = b"") -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def refuse(self, status: int, code: str, headers: dict[str, str] | None = None) -> bool:
        """An answer in the words of the distribution specification."""
        self.body()
        self.answer(status, headers, f'{{"errors":[{{"code":"{code}","message":"simulated"}}]}}'.encode())
        return True

    def body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_one(self) -> None:
        registry = self.registry
        registry.asked.append((self.command, self.path))
        for fault in list(registry.faults):
            if fault(self):
                registry.faults.remove(fault)
                return
        if any(fault(self) for fault in registry.always):
            return
        split = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(split.query).items()}
        path = split.path.removeprefix("/v2/")
        if "/manifests/" in path:
            self._manifest(*path.split("/manifests/"))
        elif "/blobs/uploads/" in path:
            self._upload(path.split("/blobs/uploads/")[0], query)
        elif "/blobs/" in path:
            content = registry.blobs.get(tuple(path.split("/blobs/")))  # type: ignore[arg-type]
            self.answer(200 if content is not None else 404, content=content or b"")
        else:
            self.answer(404)

    def _manifest(self, repository: str, reference: str) -> None:
        if self.command == "PUT":
            content, kind = self.body(), self.headers["Content-Type"]
            digest = "sha256:" + hashlib.sha256(content).hexdigest()
            for name in (reference, digest):
                self.registry.manifests[repository, name] = content, kind
            self.answer(201, {"Docker-Content-Digest": digest})
            return
        content, kind = self.registry.manifests.get((repository, reference), (b"", ""))
        digest = "sha256:" + hashlib.sha256(content).hexdigest()
        self.answer(200 if content else 404, {"Content-Type": kind, "Docker-Content-Digest": digest}, content)

    def _upload(self, repository: str, query: dict[str, str]) -> None:
        blobs = self.registry.blobs
        if self.command == "POST":
            self.body()
            if (query.get("from", ""), query.get("mount", "")) in blobs:
                blobs[repository, query["mount"]] = blobs[query["from"], query["mount"]]
                self.answer(201)
            else:
                self.answer(202, {"Location": f"/v2/{repository}/blobs/uploads/1?state=x"})
            return
        content = self.body()
        if "sha256:" + hashlib.sha256(content).hexdigest() != query["digest"]:
            self.refuse(400, "DIGEST_INVALID")
            return
        blobs[repository, query["digest"]] = content
        self.answer(201)

    do_GET = do_HEAD = do_POST = do_PUT = handle_one


@contextmanager
def simulated_registry() -> Iterator[SimulatedRegistry]:
    """A running one."""
    registry = SimulatedRegistry()
    handler = type("BoundHandler", (Handler,), {"registry": registry})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    registry.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield registry
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

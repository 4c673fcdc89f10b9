"""A daemon whose disk and build cache are a few numbers: it tells its build cache and drops from it as BuildKit does."""

import http.server
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from socketserver import UnixStreamServer
from urllib.parse import parse_qs, urlparse

import pytest

from mlperf_bake.build import room
from mlperf_bake.engine import checkup, disk, reclaim
from mlperf_bake.engine.find import Engine
from tests.support.stand_in_buildx import stand_in_engine


@dataclass
class Step:
    """A step in the cache; the list of them is in the order of their last use."""

    name: str
    size: int
    shared: bool = False
    in_use: bool = False


@dataclass
class SmallDisk:
    """What the daemon has.

    Attributes:
        free: bytes.
        steps: the build cache, longest unused first.
        asked: how often to drop, and what to keep.
        refuses: whether it answers everything with an error.
    """

    free: int
    steps: list[Step] = field(default_factory=list)
    asked: list[int] = field(default_factory=list)
    refuses: bool = False

    def drop(self, keep: int) -> int:
        """As BuildKit's cache manager: nothing shared or in use; the oldest first, until at most ``keep`` is left."""
        self.asked.append(keep)
        own = sum(step.size for step in self.steps if not step.shared)
        freed = 0
        for step in [one for one in self.steps if not one.shared and not one.in_use]:
            if keep and own - freed < keep:
                break
            self.steps.remove(step)
            freed += step.size
        self.free += freed
        return freed


@contextmanager
def small_disk_engine(folder: Path, held: SmallDisk, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    """An engine with that disk, whose data directory is ``folder``."""

    class Daemon(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/v1.44/system/df?type=build-cache"
            steps = [
                {"ID": step.name, "Size": step.size, "Shared": step.shared, "InUse": step.in_use}
                for step in held.steps
            ]
            self.answer({"BuildCache": steps})

        def do_POST(self) -> None:
            url = urlparse(self.path)
            assert url.path == "/v1.44/build/prune"
            keep = int(parse_qs(url.query).get("keep-storage", ["0"])[0])
            self.answer({"CachesDeleted": [], "SpaceReclaimed": held.drop(keep)} if not held.refuses else {})

        def answer(self, value: object) -> None:
            body = json.dumps(value if not held.refuses else {"message": "not today"}).encode()
            self.send_response(500 if held.refuses else 200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def address_string(self) -> str:
            return "socket"

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    for module in (disk, reclaim, room, checkup):
        monkeypatch.setattr(module, "free_bytes", lambda path: held.free)
    monkeypatch.delenv(reclaim.KEEP_CACHE, raising=False)
    path = folder / "d.sock"
    with UnixStreamServer(str(path), Daemon) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield replace(stand_in_engine(folder), host=f"unix://{path}", root_dir=str(folder))
        server.shutdown()

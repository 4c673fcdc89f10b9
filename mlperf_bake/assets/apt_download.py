"""Fetches a Debian package with the machine's own apt: its archive, mirror, proxy and keys. Needs no root."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from mlperf_bake.assets.sources import DebianPackage
from mlperf_bake.cache.store import Cache
from mlperf_bake.cache.workspace import raise_if_disk_was_full
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress


def download_with_apt(source: DebianPackage, cache: Cache, progress: Progress) -> Path:
    """The package's file in the cache. Raises as fetch.fetch."""
    apt = shutil.which("apt-get")
    if apt is None:
        raise UsageError(
            f"the Debian package {source.name} cannot be downloaded here: this machine has no apt",
            expected=f"{source.file}, sha256 {source.sha256}",
            remedy=f"download it on a Debian or Ubuntu machine and give it with --from {source.file}",
        )
    step = f"downloading {source}"
    progress(step, 0, None)
    with cache.workspace() as scratch:
        name = f"{source.name}:{source.architecture}" if source.architecture != "all" else source.name
        file = scratch / source.file
        outcome = _apt(apt, scratch, (), "download", f"{name}={source.version}")
        if not file.is_file():  # this machine's package lists are empty or old: fetch lists of our own
            progress("fetching package lists", 0, None)
            own = [f"--option=Dir::{what}={scratch / 'apt'}/" for what in ("State::lists", "Cache")]
            (scratch / "apt" / "partial").mkdir(parents=True)
            _apt(apt, scratch, (*own, "--option=Acquire::Languages=none"), "update")
            outcome = _apt(apt, scratch, own, "download", f"{name}={source.version}")
        if outcome.returncode != 0 or not file.is_file():
            raise_if_disk_was_full(outcome.stderr, cache.root)
            reasons = [line[3:] for line in outcome.stderr.splitlines() if line.startswith("E: ")]
            raise UsageError(
                f"apt could not download {source.name} {source.version}",
                found=" / ".join(reasons[:2]) or "no message from apt",
                remedy=f"apt-get update, then again; or give the file with --from {source.file}",
            )
        size = file.stat().st_size
        stored = cache.admit(file, source.sha256)
    progress(step, size, size)
    return stored


def _apt(
    apt: str, directory: Path, options: Sequence[str], *arguments: str
) -> subprocess.CompletedProcess[str]:
    """Runs apt-get in a directory; as root it would hand the download to a user that may not enter it."""
    return subprocess.run(
        [apt, "--quiet", "--option=APT::Sandbox::User=root", *options, *arguments],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"LC_ALL": "C"},
    )

"""Fetches a file of a Python package index with the user's own pip: its index, mirror, proxy and certificates.

pip compares the hash before anything else. For a wheel that is all it does. For a source archive it also asks the
package for its metadata, which would run its build; so those are fetched with an inert build backend in place of
the real one (INERT_BACKEND, PEP 517), and none of the package's code runs. An archive that brings a backend of its
own (``backend-path``) or names one not listed below is the exception: pip fails, or runs that backend of the
archive whose hash it has just checked.
"""

import subprocess
import sys
from pathlib import Path

from mlperf_bake.assets.sources import PypiFile
from mlperf_bake.cache.store import Cache, ChecksumMismatch
from mlperf_bake.cache.workspace import raise_if_disk_was_full
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress

BACKENDS = (
    "setuptools.build_meta",
    "hatchling.build",
    "flit_core.buildapi",
    "poetry.core.masonry.api",
    "mesonpy",
)

INERT_BACKEND = '''\
"""Says what pip must know of a source archive to download it, and builds nothing."""

import os


class __legacy__:
    pass


def get_requires_for_build_wheel(config_settings=None):
    return []


def prepare_metadata_for_build_wheel(metadata_directory, config_settings=None):
    name = os.environ["MLPERF_BAKE_SDIST_NAME"]
    version = os.environ["MLPERF_BAKE_SDIST_VERSION"]
    folder = name.replace("-", "_") + "-" + version + ".dist-info"
    path = os.path.join(metadata_directory, folder)
    os.makedirs(path)
    with open(os.path.join(path, "METADATA"), "w") as metadata:
        metadata.write("Metadata-Version: 2.1\\nName: " + name + "\\nVersion: " + version + "\\n")
    return folder


__legacy__.get_requires_for_build_wheel = staticmethod(get_requires_for_build_wheel)
__legacy__.prepare_metadata_for_build_wheel = staticmethod(prepare_metadata_for_build_wheel)
'''


def download_with_pip(source: PypiFile, cache: Cache, progress: Progress) -> Path:
    """The file in the cache. Raises as fetch.fetch."""
    import os

    step = f"downloading {source}"
    progress(step, 0, None)
    with cache.workspace() as scratch:
        requirement = scratch / "requirements.txt"
        requirement.write_text(f"{source.name}=={source.version} --hash=sha256:{source.sha256}\n")
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "--require-hashes", "--no-input"]
        command += ["--progress-bar=off", f"--dest={scratch}", f"--requirement={requirement}"]
        environment = dict(os.environ)
        if source.file.endswith(".whl"):
            command += ["--only-binary=:all:", *_wheel_tags(source.file)]
        else:
            command += ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
            environment |= inert_backend(scratch / "backend", source.name, source.version)
        outcome = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
        file = scratch / source.file
        if outcome.returncode != 0 or not file.is_file():
            raise_if_disk_was_full(outcome.stderr, cache.root)
            raise _refusal(source, outcome.stderr)
        size = file.stat().st_size
        stored = cache.admit(file, source.sha256)
    progress(step, size, size)
    return stored


def _wheel_tags(file: str) -> list[str]:
    """The options that make pip choose a wheel of another platform than the one it runs on (PEP 425 names)."""
    interpreter, abi, platforms = file.removesuffix(".whl").split("-")[-3:]
    if platforms == "any":
        return []
    version = interpreter.split(".")[-1].removeprefix("cp")
    options = [f"--platform={platform}" for platform in platforms.split(".")]
    if interpreter.startswith("cp") and len(version) > 1:
        options += ["--implementation=cp", f"--python-version={version[0]}.{version[1:]}", f"--abi={abi}"]
    return options


def inert_backend(directory: Path, name: str, version: str) -> dict[str, str]:
    """Writes the backends into a new directory; the environment in which pip takes them for a source archive's own."""
    for backend in BACKENDS:
        file = directory.joinpath(*backend.split(".")).with_suffix(".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(INERT_BACKEND)
        for package in file.relative_to(directory).parents:
            if package.name:
                (directory / package / "__init__.py").touch()
    for required in ("wheel",):  # older pip looks for it beside setuptools
        (directory / required).mkdir(exist_ok=True)
        (directory / required / "__init__.py").touch()
    return {
        "PYTHONPATH": str(directory),
        "MLPERF_BAKE_SDIST_NAME": name,
        "MLPERF_BAKE_SDIST_VERSION": version,
    }


def _refusal(source: PypiFile, output: str) -> UsageError:
    """pip's own words, made short."""
    lines = [line.strip() for line in output.splitlines()]
    if any("DO NOT MATCH" in line for line in lines):
        got = next((line.split()[-1] for line in lines if line.startswith("Got ")), "another")
        return ChecksumMismatch(f"{source.file} from the package index", got, source.sha256)
    if "No module named pip" in output:
        return UsageError(
            "pip is missing in this Python environment",
            where=sys.executable,
            remedy=f"{sys.executable} -m ensurepip, or give the file with --from {source.file}",
        )
    reasons = [line.removeprefix("ERROR: ") for line in lines if line.startswith("ERROR: ")]
    return UsageError(
        f"pip could not download {source.file}",
        found=" / ".join(reasons[:2]) or (lines[-1] if lines else "no message from pip"),
        remedy=f"check the network and pip's configuration, or give the file with --from {source.file}",
    )

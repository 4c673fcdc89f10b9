"""One demand of the matrix to its pin: asks pip, apt, the image hub or an address, as this machine is set up for them.

Every checksum is of what the asked one delivered: files are hashed here; Debian's come from its signed package lists.
"""

from __future__ import annotations

import hashlib
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from mlperf_bake.engine.command import Finished, call
from mlperf_bake.errors import UsageError
from mlperf_bake.lock.demand import SUPPLIED, Demand
from mlperf_bake.lock.git import commit_of, is_commit
from mlperf_bake.lock.hub import base_image
from mlperf_bake.lock.pins import BasePin, FilePin, Pin, SourcePin
from mlperf_bake.lock.recipes import declared_result
from mlperf_bake.lock.unreachable import Unreachable

if TYPE_CHECKING:
    from mlperf_bake.matrix.matrix import Matrix

DOWNLOAD_LIMIT_S = 1800.0
ANSWER_LIMIT_S = 60.0
CHUNK = 1 << 20


class Pinning:
    """Pins the demands of one matrix; called with a demand.

    Args:
        matrix: says which releases of Debian a package may come from.
        say: called with one line before each thing that is fetched.
        sources: what images are built from, where the recipes lie.
    """

    def __init__(self, matrix: Matrix, say: Callable[[str], None], sources: Path) -> None:
        self._recipes = {
            f"recipe {model.weights.recipe}": model.weights
            for model in matrix.models.values()
            if model.weights.recipe
        }
        self._sources = sources
        self._suites = tuple(dict.fromkeys(release.suite for release in matrix.os.values()))
        self._md5 = {model.name: model.weights.md5 for model in matrix.models.values()}
        self._say = say

    def __call__(self, demand: Demand) -> Pin:
        """The pin. Errors: UsageError saying who was asked for what, and what the answer was."""
        if demand.section == "weights":
            if demand.wanted.startswith("recipe "):
                return declared_result(self._sources, self._recipes[demand.wanted])
            if demand.wanted == SUPPLIED:
                return None
            if demand.wanted.startswith("given "):
                return demand.wanted.removeprefix("given ")
            return self._address(demand.wanted, self._md5.get(demand.key))
        if demand.section == "bases":
            return self._base(demand.wanted)
        if demand.section == "sources":
            repository, revision = demand.wanted.split(" ")
            if not is_commit(revision):
                self._say(f"asking {repository} for the commit of {revision}")
            return SourcePin(demand.wanted, commit_of(repository, revision))
        if demand.section == "loadgen":
            self._say(f"fetching mlcommons-loadgen {demand.wanted}, the source distribution")
            return FilePin(demand.wanted, *loadgen_source(demand.wanted, demand.key))
        registry, name, version, *machine = demand.key.split(" ")
        if registry == "pypi":
            self._say(f"fetching {name} {version} ({demand.wanted})")
            return FilePin(demand.wanted, *wheel(name, version, demand.wanted))
        self._say(f"asking Debian's package lists for {name} {version}")
        suites = self._suites if demand.wanted == "any" else (demand.wanted,)
        return FilePin(demand.wanted, *debian_package(name, version, machine[0] if machine else None, suites))

    def _base(self, reference: str) -> BasePin:
        """The base image; without a digest where its hub cannot be reached."""
        self._say(f"asking the hub for {reference}")
        try:
            return base_image(reference)
        except Unreachable as error:
            self._say(
                f"{error.problem} ({error.found}); a locked digest stays, without one the tag stands until a hub answers"
            )
            return BasePin(reference, None)

    def _address(self, url: str, md5: str | None) -> str | None:
        """The sha256; None where the address cannot be reached and the matrix's md5 stands in for it."""
        self._say(f"fetching {url}")
        try:
            return hash_of_address(url, md5)
        except Unreachable as error:
            if md5 is None:
                raise
            self._say(f"{error.problem} ({error.found}); the md5 in the matrix stands in for a sha256")
            return None


def wheel(name: str, version: str, wanted: str) -> tuple[str, str]:
    """File name and sha256 of a wheel.

    Args:
        wanted: ``any``, or interpreter and platform tag, such as ``cp312 manylinux_2_28_x86_64``.
    """
    options = ["--only-binary=:all:"]
    if wanted != "any":
        interpreter, platform = wanted.split(" ")
        python = interpreter.removeprefix("cp")
        options += [
            f"--platform={platform}",
            "--implementation=cp",
            f"--python-version={python}",
            f"--abi={interpreter}",
        ]
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-lock-") as scratch:
        return _name_and_hash(_pip_download(name, version, options, Path(scratch), {}))


def loadgen_source(version: str, round_name: str) -> tuple[str, str]:
    """File name and sha256 of LoadGen's source distribution; none of its code is run (assets/pip_download.py says how).

    Errors:
        UsageError: pip could not fetch it, or the seeds in it are not those of the round.
    """
    from mlperf_bake.assets.pip_download import inert_backend
    from mlperf_bake.lock.loadgen import PACKAGE, require_round_seeds

    options = ["--no-binary=:all:", "--no-build-isolation", "--use-pep517"]
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-lock-") as scratch:
        environment = inert_backend(Path(scratch) / "backend", PACKAGE, version)
        archive = _pip_download(PACKAGE, version, options, Path(scratch), environment)
        require_round_seeds(archive, round_name)
        return _name_and_hash(archive)


def _pip_download(
    name: str, version: str, options: list[str], scratch: Path, environment: dict[str, str]
) -> Path:
    files = scratch / "files"
    answer = call(
        [
            *(
                sys.executable,
                "-m",
                "pip",
                "download",
                "--no-input",
                "--disable-pip-version-check",
                "--quiet",
            ),
            *("--no-deps", f"--dest={files}", *options, f"{name}=={version}"),
        ],
        timeout=DOWNLOAD_LIMIT_S,
        env=environment or None,
    )
    found = sorted(files.iterdir()) if files.is_dir() else []
    if not answer.ok or len(found) != 1:
        raise UsageError(
            f"pip could not fetch {name} {version}",
            found=_complaint(answer, "ERROR: "),
            expected=f"one file for {' '.join(options)}",
            remedy="check the version in matrix.yaml, the network and pip's settings, then `mlperf-bake lock`",
        )
    return found[0]


def _name_and_hash(file: Path) -> tuple[str, str]:
    with file.open("rb") as stream:
        return file.name, hashlib.file_digest(stream, "sha256").hexdigest()


def debian_package(
    name: str, version: str, architecture: str | None, suites: tuple[str, ...]
) -> tuple[str, str]:
    """Path in the archive and sha256 of a Debian package, from the signed lists of the archive that this machine's apt uses.

    Args:
        architecture: ``amd64``, ``arm64``; None where the package is for all.
        suites: the releases to look into.
    """
    with _debian_lists(suites) as options:
        update = call(["apt-get", *options, "update"], timeout=DOWNLOAD_LIMIT_S, env={"LC_ALL": "C"})
        spelt = f"{name}:{architecture}" if architecture else name
        answer = call(["apt-cache", *options, "show", f"{spelt}={version}"], env={"LC_ALL": "C"})
    fields = dict(
        line.split(": ", 1)
        for line in answer.stdout.partition("\n\n")[0].splitlines()
        if line.startswith(("Filename: ", "SHA256: "))
    )
    if not answer.ok or set(fields) != {"Filename", "SHA256"}:
        raise UsageError(
            f"Debian's package lists do not have {name} {version}",
            found=_complaint(answer if update.ok else update, "E: "),
            expected=f"it in {' or '.join(suites)}",
            remedy="check version and suite in matrix.yaml and the network, then `mlperf-bake lock` on Debian",
        )
    return fields["Filename"], fields["SHA256"]


@contextmanager
def _debian_lists(suites: tuple[str, ...]) -> Iterator[list[str]]:
    """Options that give apt package lists of its own for these releases, so that the machine's are left alone."""
    from mlperf_bake.engine.apt_sources import archive_of, machine_sources
    from mlperf_bake.engine.distribution import this_distribution

    distribution = this_distribution()
    archive = archive_of(machine_sources(), distribution.codename) if distribution.id == "debian" else None
    if archive is None:
        raise UsageError(
            "this machine's apt has no archive of Debian",
            found=distribution.name,
            expected="a source of Debian's main archive in /etc/apt",
            remedy="run `mlperf-bake lock` on Debian, or in a container of it",
        )
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-lock-") as name:
        scratch = Path(name)
        (scratch / "lists" / "partial").mkdir(parents=True)
        (scratch / "cache").mkdir()
        source = archive.for_suite(*suites)
        (scratch / "debian.sources").write_text(source.deb822(), encoding="utf-8")
        settings = (
            f"Dir::Etc::sourcelist={scratch / 'debian.sources'}",
            "Dir::Etc::sourceparts=/dev/null",
            f"Dir::State::lists={scratch / 'lists'}",
            f"Dir::Cache={scratch / 'cache'}",
            "APT::Architectures::=amd64",
            "APT::Architectures::=arm64",
            "APT::Sandbox::User=root",
            "Acquire::Languages=none",
        )
        yield ["-q", *(word for setting in settings for word in ("-o", setting))]


def hash_of_address(url: str, md5: str | None = None) -> str:
    """The sha256 of what lies at an https address; nothing is kept.

    Errors:
        Unreachable: nothing, or not all of it, came.
        UsageError: what came has another md5.
    """
    import http.client
    import urllib.request

    from mlperf_bake.assets.url_download import certificates

    digest, short = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
    request = urllib.request.Request(
        url, headers={"User-Agent": "mlperf-bake", "Accept-Encoding": "identity"}
    )
    done = 0
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_LIMIT_S, context=certificates()) as answer:
            length = answer.headers.get("Content-Length")
            while data := answer.read(CHUNK):
                digest.update(data)
                short.update(data)
                done += len(data)
    except (OSError, http.client.HTTPException) as error:
        raise _unreachable(url, str(getattr(error, "reason", error)) or type(error).__name__) from error
    if length is not None and int(length) != done:
        raise _unreachable(url, f"the connection was cut off after {done:,} of {int(length):,} bytes")
    if md5 is not None and short.hexdigest() != md5:
        raise UsageError(
            "checksum mismatch: the weights are not those that the matrix names",
            where=url,
            found=f"md5 {short.hexdigest()}",
            expected=f"md5 {md5}",
            remedy="find out what was replaced; correct url or md5 in matrix.yaml",
        )
    return digest.hexdigest()


def _unreachable(url: str, reason: str) -> Unreachable:
    return Unreachable(
        "the weights could not be fetched",
        where=url,
        found=reason,
        remedy="check the address in matrix.yaml and the network, then `mlperf-bake lock`",
    )


def _complaint(answer: Finished, mark: str) -> str:
    """The first lines that the program itself calls errors."""
    lines = [line.strip() for line in answer.stderr.splitlines()]
    reasons = [line.removeprefix(mark) for line in lines if line.startswith(mark)]
    return " / ".join(reasons[:2])[:400] or answer.complaint[:400]

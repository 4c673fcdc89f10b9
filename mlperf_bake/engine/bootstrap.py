"""Bring a container engine onto a bare Debian 12, Debian 13, Ubuntu 22.04 or Ubuntu 24.04.

In comes the machine; out comes a running ``Engine``. Everything is said before it is done, each step does nothing
when its work is done already, so a killed call is simply called again. Packages come from the machine's own apt
sources. What is written is listed by ``Recipe.writes``; ``rollback`` says how to take it away again.

Debian 12's own engine (20.10) is too old. Debian 13's packages need only a C library that Debian 12 has, so there
Debian 13's suite of the same mirror is added, pinned low for everything and high for four packages.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.engine.apt_sources import AptSource, archive_of, machine_sources
from mlperf_bake.engine.apt_steps import APT_ENVIRONMENT, INSTALL, UPDATE, apt, apt_complaint
from mlperf_bake.engine.command import call
from mlperf_bake.engine.daemon import daemon_answers, start_daemon
from mlperf_bake.engine.daemon_settings import DAEMON_FILE, settings_exist, write_daemon_settings
from mlperf_bake.engine.distribution import Distribution, this_distribution
from mlperf_bake.engine.find import (
    NEEDED_BUILDX,
    NEEDED_SERVER,
    Engine,
    find_engine,
    how_to_get_it,
    judge,
    survey_engine,
)
from mlperf_bake.engine.host import SYSTEM_HOSTS, daemon_host
from mlperf_bake.engine.version import Version
from mlperf_bake.errors import DiskFull, EngineMissing

SOURCE_FILE = Path("etc/apt/sources.list.d/mlperf-bake-engine.sources")
PIN_FILE = Path("etc/apt/preferences.d/mlperf-bake-engine")
USED_STORE = Path("/var/lib/docker/image")
"""There once the classic image store was used; choosing another store would hide its images."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an engine gets onto one release.

    Attributes:
        packages: the engine, installed or brought up to date by name, without recommended packages.
        companions: what it needs besides, installed only where missing.
        newer_suite: suite of the same archive that ``packages``, and only they, come from; or empty.
        pin_file: where that is written down for apt, relative to the root directory.
    """

    packages: tuple[str, ...]
    companions: tuple[str, ...]
    newer_suite: str = ""
    pin_file: Path = PIN_FILE

    @property
    def writes(self) -> tuple[Path, ...]:
        """Files that the recipe writes besides the packages' own."""
        apt = (SOURCE_FILE, self.pin_file) if self.newer_suite else ()
        return tuple(Path("/") / path for path in (*apt, DAEMON_FILE))

    def rollback(self, installed: tuple[str, ...]) -> str:
        """The commands that undo it, where these packages were installed for it."""
        files = " ".join(str(path) for path in self.writes)
        return f"apt-get purge --auto-remove {' '.join(installed)} && rm -f {files} && apt-get update"


_DEBIAN_ENGINE = ("docker.io", "docker-cli", "docker-buildx", "containerd")
_COMPANIONS = ("runc", "iptables", "ca-certificates")

RECIPES = {
    ("debian", "12"): Recipe(_DEBIAN_ENGINE, _COMPANIONS, newer_suite="trixie"),
    ("debian", "13"): Recipe(_DEBIAN_ENGINE, _COMPANIONS),
    ("ubuntu", "22.04"): Recipe(("docker.io", "docker-buildx"), _COMPANIONS),
    ("ubuntu", "24.04"): Recipe(("docker.io", "docker-buildx"), _COMPANIONS),
}


def ensure_engine(say: Say) -> Engine:
    """The engine that is here, or a freshly installed and started one.

    Args:
        say: called with one line before each thing that is done.

    Raises:
        EngineMissing: nothing usable is here and this machine or user is not one we install for; with the command.
    """
    try:
        return find_engine()
    except EngineMissing as missing:
        return bootstrap(say, because=missing)


def bootstrap(say: Say, *, because: EngineMissing | None = None) -> Engine:
    """Install and start an engine.

    Raises:
        EngineMissing: unsupported distribution, not root, no archive in apt's sources, or a step failed.
        DiskFull: apt says so.
    """
    distribution = this_distribution()
    recipe = RECIPES.get((distribution.id, distribution.version))
    if recipe is None or os.geteuid() != 0 or daemon_host() not in SYSTEM_HOSTS:
        raise because or EngineMissing("there is no container engine", remedy=how_to_get_it(distribution))
    if because is not None:
        say(f"{because.problem}{f' ({because.found})' if because.found else ''}")
    if survey_engine().server is None and _only_stopped():
        if settings_exist() or not USED_STORE.exists():
            write_daemon_settings(say)
        start_daemon(say)
    if survey_engine().server is None or _too_old_or_incomplete():
        write_daemon_settings(say)
        if not _installed(recipe.packages) or _too_old_or_incomplete():
            install(recipe, distribution, say)
        if not daemon_answers():
            start_daemon(say)
    engine = judge(survey_engine(), distribution)
    say(f"Docker Engine {engine.server} with buildx {engine.buildx_version} answers at {engine.host}")
    return engine


def install(recipe: Recipe, distribution: Distribution, say: Say) -> None:
    """Install the recipe's packages, saying first which and from where."""
    for step in (_finish_interrupted_dpkg, _add_newer_suite, _fetch_lists, _install_packages):
        step(recipe, distribution, say)


def newer_suite_files(recipe: Recipe, archive: AptSource) -> Iterator[tuple[Path, str]]:
    """The source and pin files, relative to the root directory, with their text."""
    yield SOURCE_FILE, archive.for_suite(recipe.newer_suite).deb822()
    low = f"Package: *\nPin: release n={recipe.newer_suite}\nPin-Priority: 100\n"
    high = f"Package: {' '.join(recipe.packages)}\nPin: release n={recipe.newer_suite}\nPin-Priority: 600\n"
    yield recipe.pin_file, f"{low}\n{high}"


def apt_summary(simulation: str) -> str:
    """What apt says it is going to do: ``11 packages, 79.4 MB to fetch, 329 MB on disk``."""
    counts = re.search(r"(\d+) upgraded, (\d+) newly installed", simulation)
    fetch = re.search(r"Need to get ([0-9.,]+ [kMG]?B)", simulation)
    room = re.search(r"After this operation, ([0-9.,]+ [kMG]?B) of additional", simulation)
    parts = [f"{int(counts[1]) + int(counts[2])} packages"] if counts else []
    parts.append(f"{fetch[1]} to fetch" if fetch else "nothing to fetch")
    parts += [f"{room[1]} on disk"] if room else []
    return ", ".join(parts)


def _finish_interrupted_dpkg(recipe: Recipe, distribution: Distribution, say: Say) -> None:
    audit = call(("dpkg", "--audit"))
    if audit.stdout.strip() or not audit.ok:
        say("finishing an interrupted package installation (dpkg --configure -a)")
        _apt_step(
            "dpkg could not finish an interrupted installation",
            ("dpkg", "--force-confold", "--configure", "-a"),
            say,
        )


def _add_newer_suite(recipe: Recipe, distribution: Distribution, say: Say) -> None:
    if not recipe.newer_suite:
        return
    archive = archive_of(machine_sources(), distribution.codename)
    if archive is None:
        raise EngineMissing(
            f"apt has no source for {distribution.name}",
            where="/etc/apt",
            expected=f"a source with the suite {distribution.codename}",
            remedy=f"add the distribution's archive, or install an engine by hand: {how_to_get_it(distribution)}",
        )
    for relative, text in newer_suite_files(recipe, archive):
        path = Path("/") / relative
        if path.is_file() and path.read_text(encoding="utf-8") == text:
            continue
        say(
            f"writing {path} (suite {recipe.newer_suite} of {archive.uris[0]}, for {', '.join(recipe.packages)} only)"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _fetch_lists(recipe: Recipe, distribution: Distribution, say: Say) -> None:
    say("fetching package lists (apt-get update)")
    _apt_step("apt could not fetch its package lists", UPDATE, say)


def _install_packages(recipe: Recipe, distribution: Distribution, say: Say) -> None:
    packages = (*recipe.packages, *(name for name in recipe.companions if not _installed((name,))))
    say(f"asking apt what installing {recipe.packages[0]} would do (apt-get --assume-no, nothing is changed)")
    simulation = call((*INSTALL, "--assume-no", *packages), timeout=120, env=APT_ENVIRONMENT).stdout
    say(f"installing {', '.join(packages)} ({apt_summary(simulation)})")
    _apt_step(f"apt could not install {recipe.packages[0]}", (*INSTALL, *packages), say)
    say(f"installed; to take it away again: {recipe.rollback(packages)}")


def _apt_step(problem: str, argv: tuple[str, ...], say: Say) -> None:
    done = apt(argv, say)
    if done.ok:
        return
    if any("No space left" in line or "enough free space" in line for line in done.lines):
        raise DiskFull(
            problem, where="/var/cache/apt", found=apt_complaint(done), remedy="apt-get clean, or make room"
        )
    command = " ".join(argv)
    refused = any("remove is disabled" in line for line in done.lines)
    raise EngineMissing(
        problem,
        where=command,
        found=apt_complaint(done),
        remedy=f"packages of yours are in its way: {command.replace('--no-remove', '--simulate')} names them, "
        "and changes nothing"
        if refused
        else f"run: {command}",
    )


def _only_stopped() -> bool:
    """Whether an engine and a usable buildx are installed whole, whoever made the packages, so that starting will do."""
    if call(("dpkg", "--audit")).stdout.strip():
        return False
    buildx = survey_engine().buildx
    program = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/bin")
    return program is not None and buildx is not None and buildx >= NEEDED_BUILDX and _dockerd_is_new(program)


def _dockerd_is_new(program: str) -> bool:
    said = re.search(r"version (\S+?),", call((program, "--version"), timeout=10).stdout)
    version = Version.parse(said[1]) if said else None
    return version is not None and version >= NEEDED_SERVER


def _installed(packages: tuple[str, ...]) -> bool:
    answer = call(("dpkg-query", "--show", "--showformat", "${db:Status-Abbrev}\\n", *packages))
    states = answer.stdout.split()
    return answer.ok and len(states) == len(packages) and set(states) == {"ii"}


def _too_old_or_incomplete() -> bool:
    """Whether what is installed answers but is too old, or has no buildx."""
    survey = survey_engine()
    if survey.docker is None or survey.buildx is None:
        return True
    if survey.server is None:
        return False
    try:
        judge(survey, this_distribution())
    except EngineMissing:
        return True
    return False

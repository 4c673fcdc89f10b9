"""Base images: from the hub where one answers, else from the distribution's own packages.

``ensure_base`` returns the named build context that stands for a base. A bootstrapped base of the engine's own
platform is a minimal Debian whose package manager works (compilers are installed on top of it in build stages); one
of a foreign platform is only unpacked, never run, and holds what a compiled program needs, so no emulation is needed.
"""

import functools
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mlperf_bake.engine.apt_sources import AptSource, archive_of, machine_sources, security_of
from mlperf_bake.engine.apt_steps import INSTALL, UPDATE, apt, apt_complaint
from mlperf_bake.engine.command import call
from mlperf_bake.engine.disk import BASE_NEEDS, require_room
from mlperf_bake.engine.distribution import Distribution, this_distribution
from mlperf_bake.engine.find import GOARCH, Engine
from mlperf_bake.engine.images import Told, inspected
from mlperf_bake.engine.reclaim import require_engine_room
from mlperf_bake.engine.secrets import apt_proxy
from mlperf_bake.engine.watched import watch
from mlperf_bake.errors import BuildFailed

Origin = Literal["hub", "bootstrapped", "given"]
Say = Callable[[str], None]

HUB_ANSWER_S = 8.0
HUB_SILENCE_S = 300.0

EPOCH = "315532800"
"""1980-01-01 in seconds: what SOURCE_DATE_EPOCH clamps file times to, so that the same packages give the same tar."""

NOT_NEEDED = ("/usr/share/doc/*", "/usr/share/info/*", "/usr/share/locale/*", "/usr/share/man/*")
NEEDED_ALL_THE_SAME = ("/usr/share/doc/*/copyright",)

FOREIGN_PACKAGES = (
    "base-files", "bash", "coreutils", "dash", "libc6", "libgcc-s1", "libgomp1", "libstdc++6",
)  # fmt: skip

REPOSITORY = "mlperf-bake/base"

TEMPORARY = "mlperf-bake-base-"

MERGED_USR_HOOK = Path("/usr/share/mmdebstrap/hooks/maybe-merged-usr")


@dataclass(frozen=True, slots=True)
class Base:
    """A base image that the engine has.

    Attributes:
        context: value of a named build context, ``docker-image://...``.
        identity: ``sha256:`` and 64 hex digits; the locked digest, or the hash of the bootstrapped root file system.
        origin: where it came from.
    """

    context: str
    identity: str
    origin: Origin


def ensure_base(
    engine: Engine, os_name: str, suite: str | None, platform: str, locked_ref: str | None, say: Say
) -> Base:
    """The base for an OS and a platform; pulled or made when the engine has none.

    Args:
        engine: which engine is to have it.
        os_name: the OS axis value, ``debian12``.
        suite: the Debian suite that a bootstrap installs, ``bookworm``; None where it is no Debian, which cannot be made here.
        platform: ``linux/amd64`` or ``linux/arm64``.
        locked_ref: image reference with a digest, or None to bootstrap without asking a hub.
        say: called with one line before and, at least every 10 s, during each long step.

    Raises:
        BuildFailed: neither a hub nor the distribution's packages gave one; with the ways out.
        DiskFull: less than 1 GiB can be had for a bootstrap.
    """
    tag = base_tag(os_name, platform)
    if locked_ref and has_image(engine, locked_ref, platform):
        return _from_hub(locked_ref)
    present = bootstrapped_base(engine, tag)
    if present is not None:
        return present
    refusal = "no image reference is locked for it"
    if locked_ref:
        refusal = pull(engine, locked_ref, platform, say)
        if not refusal:
            return _from_hub(locked_ref)
        if suite is None:
            raise _unobtainable(locked_ref, refusal)
        say(f"the hub does not give {locked_ref} ({refusal}); making the base from {suite}'s packages")
    if suite is None:
        raise _unobtainable(os_name, refusal)
    _require_mmdebstrap(say, refusal)
    return bootstrap_base(engine, tag, suite, platform, say)


def base_tag(os_name: str, platform: str) -> str:
    """The name of the base that is made here for an OS and a platform."""
    return f"{REPOSITORY}:{os_name}-{platform.removeprefix('linux/')}"


def _unobtainable(image: str, refusal: str) -> BuildFailed:
    return BuildFailed(
        "there is no base image, and only Debian's can be made here from packages",
        where=image,
        found=refusal,
        remedy="build where the hub answers, check that the tag still exists, or let another image take its place: "
        "--context base=docker-image://REF (and build-base, where it is compiled)",
    )


def present_bases(engine: Engine, locked: Mapping[str, str | None]) -> dict[tuple[str, str], Base]:
    """The bootstrapped bases that ``ensure_base`` would return, by OS axis value and platform.

    Nothing is pulled or made.

    Args:
        engine: which engine is asked.
        locked: each OS whose base can be made here, and the image reference that is locked for it; where the engine
            has that image it is taken instead.

    Raises:
        EngineMissing: it does not answer.
    """
    platforms = [f"linux/{architecture}" for architecture in sorted(set(GOARCH.values()))]
    names = {(os_name, platform): base_tag(os_name, platform) for os_name in locked for platform in platforms}
    told = inspected(engine.host, (*names.values(), *filter(None, locked.values())))
    return {
        (os_name, platform): _base(tag, told[tag])
        for (os_name, platform), tag in names.items()
        if tag in told and not (platform == engine.platform and locked[os_name] in told)
    }


def bootstrapped_base(engine: Engine, tag: str) -> Base | None:
    """The base with this tag when the engine has it."""
    told = inspected(engine.host, [tag])
    return _base(tag, told[tag]) if told else None


def _from_hub(locked_ref: str) -> Base:
    return Base(f"docker-image://{locked_ref}", "sha256:" + locked_ref.rpartition("@sha256:")[2], "hub")


def has_image(engine: Engine, reference: str, platform: str) -> bool:
    """Whether the engine has this image for its own platform; of another platform it may have only the name."""
    return platform == engine.platform and bool(inspected(engine.host, [reference]))


def _base(tag: str, told: Told) -> Base:
    files = told.get("RootFS")
    layers = files.get("Layers") if isinstance(files, dict) else None
    named = [str(layer) for layer in layers] if isinstance(layers, list) else []
    identity = hashlib.sha256("\n".join(named).encode()).hexdigest()
    return Base(f"docker-image://{tag}", f"sha256:{identity}", "bootstrapped")


def pull(engine: Engine, reference: str, platform: str, say: Say) -> str:
    """Have the engine pull an image.

    Returns:
        Empty when the engine has it now; else why not, in a few words. A hub that says nothing within 8 s, or
        that said so to an earlier call of this process, counts as unreachable.
    """
    if has_image(engine, reference, platform):
        return ""
    return _pull(engine, reference, platform, say)


def bootstrap_base(engine: Engine, tag: str, suite: str, platform: str, say: Say) -> Base:
    """Make a base with mmdebstrap and import it under ``tag``; the tar file never outlives the call.

    Raises:
        BuildFailed: mmdebstrap or the import failed; with the last line.
        DiskFull: less than 1 GiB can be had.
    """
    require_engine_room(engine, BASE_NEEDS, f"the base image {tag}", say)
    folder = Path(tempfile.gettempdir())
    require_room(folder, BASE_NEEDS, "the base image's tar file", remedy="set TMPDIR to a larger file system")
    remove_abandoned(folder)
    with tempfile.TemporaryDirectory(prefix=f"{TEMPORARY}{os.getpid()}-") as temporary:
        tar = Path(temporary) / "base.tar"
        distribution = this_distribution()
        argv = mmdebstrap_arguments(
            suite, platform, engine.platform, tar, machine_sources(), distribution, MERGED_USR_HOOK
        )
        say(f"making {tag} from {suite}'s packages (mmdebstrap, about half a minute)")
        made = watch(
            argv,
            on_line=lambda line: say(f"  {line.removeprefix('I: ')}") if line.startswith("I: ") else None,
            on_silence=lambda seconds: say(f"  still at it, {seconds:.0f} s"),
            env={"SOURCE_DATE_EPOCH": EPOCH, **_proxy_environment()},
        )
        if not made.ok:
            raise BuildFailed(
                f"the base image {tag} could not be made from the distribution's packages",
                where=" ".join(argv),
                found=next((line for line in reversed(made.lines) if line.startswith("E: ")), made.last_line),
                remedy=_ways_out(tag),
            )
        imported = engine.call("import", "--platform", platform, str(tar), tag, timeout=600)
    if not imported.ok:
        raise BuildFailed(f"the engine did not import {tag}", found=imported.complaint, remedy=_ways_out(tag))
    base = bootstrapped_base(engine, tag)
    if base is None:
        raise BuildFailed(
            f"the engine imported {tag} but does not have it", remedy="docker image ls mlperf-bake/base"
        )
    say(f"made {tag} in {made.seconds:.0f} s")
    return base


def remove_abandoned(folder: Path, proc: Path = Path("/proc")) -> list[Path]:
    """Remove tar files that a killed call left behind; each directory's name holds its maker's process number."""
    removed = []
    for path in folder.glob(f"{TEMPORARY}*-*"):
        maker = path.name.removeprefix(TEMPORARY).partition("-")[0]
        if maker.isdigit() and not (proc / maker).exists():
            shutil.rmtree(path, ignore_errors=True)
            removed.append(path)
    return removed


def mmdebstrap_arguments(
    suite: str,
    platform: str,
    native: str,
    tar: Path,
    sources: tuple[AptSource, ...],
    distribution: Distribution,
    merged_usr_hook: Path,
) -> list[str]:
    """The argument list for a base of ``platform`` on an engine of platform ``native``."""
    architecture = platform.removeprefix("linux/")
    argv = ["mmdebstrap", "--format=tar", f"--architectures={architecture}"]
    argv += [f"--dpkgopt=path-exclude={pattern}" for pattern in NOT_NEEDED]
    argv += [f"--dpkgopt=path-include={pattern}" for pattern in NEEDED_ALL_THE_SAME]
    if platform == native:
        argv.append("--variant=minbase")
    else:
        argv += ["--variant=extract", f"--include={','.join(FOREIGN_PACKAGES)}"]
        argv += [f"--hook-dir={merged_usr_hook}"]
        argv += [f"--customize-hook={' '.join(['rm', '-rf', *_inside(NOT_NEEDED)])}"]
    return [*argv, suite, str(tar), *debian_lines(suite, sources, distribution)]


def debian_lines(suite: str, sources: tuple[AptSource, ...], distribution: Distribution) -> list[str]:
    """``deb`` lines for a Debian suite from the machine's own archive; none where it is not Debian's.

    Without any, mmdebstrap takes its own default.
    """
    archive = archive_of(sources, distribution.codename) if distribution.id == "debian" else None
    if archive is None:
        return []
    lines = [archive.for_suite(suite).one_line(suite), archive.one_line(f"{suite}-updates")]
    security = security_of(sources, distribution.codename)
    if security is not None:
        lines.append(security.one_line(f"{suite}-security"))
    return lines


def _inside(patterns: tuple[str, ...]) -> list[str]:
    """Patterns below the new root, for a hook that mmdebstrap's shell expands; copyright files are kept elsewhere."""
    return [f'"$1"{pattern}' for pattern in patterns if pattern != "/usr/share/doc/*"]


@functools.cache
def _pull(engine: Engine, reference: str, platform: str, say: Say) -> str:
    say(f"asking the hub for {reference} ({platform})")
    try:
        done = watch(
            (engine.docker, "pull", "--platform", platform, reference),
            on_line=lambda line: say(f"  {line}") if "complete" in line or "Pulling from" in line else None,
            on_silence=lambda seconds: say(f"  still pulling, {seconds:.0f} s"),
            first_line_s=HUB_ANSWER_S,
            silence_s=HUB_SILENCE_S,
        )
    except FileNotFoundError:
        return "the docker command is gone"
    if done.ok:
        return ""
    if done.exit_code is None:
        return f"no answer within {HUB_ANSWER_S:.0f} s" if not done.lines else "it stopped answering"
    return _short(done.last_line)


def _short(complaint: str) -> str:
    """The innermost cause of one of docker's nested errors."""
    return (
        complaint.rsplit(": ", 2)[-1] if "no such host" in complaint else complaint.rpartition("daemon: ")[2]
    )


def _require_mmdebstrap(say: Say, refusal: str) -> None:
    if shutil.which("mmdebstrap"):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise BuildFailed(
            "there is no base image: no hub answers, and mmdebstrap is not here to make one",
            found=refusal,
            remedy=_ways_out("debian"),
        )
    packages = ("mmdebstrap", "arch-test", "debian-archive-keyring")
    say(f"installing {', '.join(packages)} (1 MB, from this machine's apt sources)")
    done = apt((*INSTALL, *packages), say)
    if not done.ok:
        say("fetching package lists (apt-get update)")
        apt(UPDATE, say)
        done = apt((*INSTALL, *packages), say)
    if not done.ok:
        raise BuildFailed(
            "mmdebstrap could not be installed", found=apt_complaint(done), remedy=_ways_out("debian")
        )


def _ways_out(tag: str) -> str:
    return (
        "give one with --context base=docker-image://REF, set registry-mirrors in /etc/docker/daemon.json, "
        f"or, as root on Debian or Ubuntu, apt-get install mmdebstrap and try again ({tag})"
    )


def _proxy_environment() -> dict[str, str]:
    """apt's proxy as variables: mmdebstrap does not read this machine's apt.conf, and must not copy it."""
    found = {}
    for line in apt_proxy(call(("apt-config", "dump")).stdout, os.environ).splitlines():
        key, _, value = line.partition(" ")
        scheme = key.split("::")[1]
        if key == f"Acquire::{scheme}::Proxy":
            found[f"{scheme}_proxy"] = value.strip('";')
    return found

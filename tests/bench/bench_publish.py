"""What a push, a bundle and a build from it cost, beside Docker's own commands on the same image in the same run."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.build.bakefile import Output, bake_file
from mlperf_bake.build.contexts import overrides_for
from mlperf_bake.build.local_wheels import with_local_wheels
from mlperf_bake.build.target import bake_environment
from mlperf_bake.engine.find import find_engine
from mlperf_bake.engine.secrets import host_find_links, host_secrets
from mlperf_bake.project import open_project
from tests.bench.bench_images import PROGRAM, ROOT
from tests.bench.pairs import Figures, Ratio, measure_pairs, ratio
from tests.support.debian_registry import debian_registry

PAIRS = 3
"""Of pushes and of builds from a bundle: they are compared with what they do besides, and not held to a budget."""


@dataclass(frozen=True, slots=True)
class Publishing:
    """Wall seconds of ours and Docker's own way of moving one image that is built.

    Attributes:
        push: ``build --push`` (layers without times, bill of materials, provenance) to an empty registry; ``docker push``.
        layout: ``docker buildx bake`` writing the layout that a push starts from: what of ``push`` is BuildKit's.
        bundle, bundle_bytes: ``bundle``, and its files.
        cache, cache_bytes: ``docker buildx bake`` writing every stage's cache into a directory, and its files.
        offline: ``build --offline --bundle``, which compares every file with its checksum; ``docker buildx bake`` from
            that cache. Both on the engine that has the steps.
    """

    push: Ratio
    layout: float
    bundle: float
    bundle_bytes: int
    cache: float
    cache_bytes: int
    offline: Ratio


def publishing(target: str) -> Publishing:
    """Measures it; nothing of it stays but the journal's lines."""
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-bench-") as name:
        place = Path(name)
        image, plain, environment = _plain(target, place)
        registry = place / "registry"
        pushes = measure_pairs(
            lambda: _pushed(registry, lambda host: _ours("build", target, "--push", f"--registry={host}")),
            lambda: _pushed(registry, lambda host: _docker_push(image, host)),
            PAIRS,
        )
        layout = f"type=oci,dest={place / 'layout'},tar=false"
        epoch = f"--set=*.args.SOURCE_DATE_EPOCH={Output().epoch}"
        laid_out = _seconds([*plain, f"--set=*.output={layout}", epoch], environment)
        bundle, cache = place / "bundle", place / "cache"

        def export() -> float:
            return _seconds([*plain, f"--set=*.cache-to=type=local,mode=max,dest={cache}"], environment)

        export()  # has BuildKit compress what both write
        shutil.rmtree(cache)
        bare = export()
        ours = _ours("bundle", target, f"--out={bundle}")
        builds = measure_pairs(
            lambda: {"s": _ours("build", target, "--force", "--offline", f"--bundle={bundle}")},
            lambda: {"s": _seconds([*plain, f"--set=*.cache-from=type=local,src={cache}"], environment)},
            PAIRS,
        )
        return Publishing(
            ratio(pushes, "s"), laid_out, ours, _bytes(bundle), bare, _bytes(cache), ratio(builds, "s")
        )


def _plain(target: str, place: Path) -> tuple[str, list[str], Mapping[str, str]]:
    """The image's reference, and Docker's own command that builds it, with its environment."""
    _ours("build", target)
    project, engine, secrets = open_project(ROOT), find_engine(), host_secrets()
    cells = project.cells([target])
    planned = project.plan(cells, overrides_for(project, cells, engine, {}, _silent))
    complete = with_local_wheels(project, planned, host_find_links, _silent)
    file = place / "plain.json"
    file.write_text(bake_file(complete, str(ROOT), secrets))
    return planned[0].tags[0], ["docker", "buildx", "bake", f"--file={file}"], bake_environment(secrets)


def _pushed(directory: Path, push: Callable[[str], float]) -> Figures:
    """Seconds of a push to a registry that has nothing."""
    shutil.rmtree(directory / "storage", ignore_errors=True)
    with debian_registry(directory) as host:
        return {"s": push(host)}


def _docker_push(image: str, host: str) -> float:
    reference = f"{host}/{image}"
    subprocess.run(["docker", "tag", image, reference], check=True)
    try:
        return _seconds(["docker", "push", "--quiet", reference])
    finally:
        subprocess.run(["docker", "image", "rm", reference], check=False, stdout=subprocess.DEVNULL)


def _ours(*words: str) -> float:
    return _seconds([*PROGRAM, *words])


def _seconds(command: Sequence[str], environment: Mapping[str, str] = os.environ) -> float:
    start = time.perf_counter()
    subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True)
    return time.perf_counter() - start


def _bytes(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def _silent(line: str) -> None:
    """Says nothing."""

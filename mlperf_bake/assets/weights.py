"""Weights: a file fetched as it is, or made by a recipe in an environment of its own; a directory either way.

The directory holds the one weights file under the name the model gives it, and can be handed to a build as it is:
``--context weights=DIRECTORY``.
"""

import hashlib
import shutil
import subprocess
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import Literal

from mlperf_bake.assets.debian_archive import extract_debian_files
from mlperf_bake.assets.environment import make_environment
from mlperf_bake.assets.fetch import fetch, verified
from mlperf_bake.assets.sources import DebianPackage, Source
from mlperf_bake.cache.store import Cache, ChecksumMismatch, default_root, file_sha256, file_sum, publish
from mlperf_bake.cache.workspace import raise_if_disk_was_full, workspace
from mlperf_bake.errors import UsageError
from mlperf_bake.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class WeightsDemand:
    """What a model's weights are and where they come from.

    Attributes:
        model: its name in matrix.yaml.
        file: the name the weights file must have.
        source: what is fetched.
        recipe: the script of recipes/, or the path of another, that makes the file from the source; None where the source
            is the file.
        sha256: of the weights file; None where training makes it, or its makers publish only the next.
        md5: of the weights file, the makers' own; None where there is none.
    """

    model: str
    file: str
    source: Source
    recipe: str | None
    sha256: str | None
    md5: str | None = None

    @property
    def checked(self) -> Literal["sha256", "md5"] | None:
        """The checksum that the weights file itself is held against."""
        if self.sha256 is not None:
            return "sha256"
        return "md5" if self.md5 is not None else None


@dataclass(frozen=True, slots=True)
class FetchedWeights:
    """Weights on disk.

    Attributes:
        path: the directory.
        file: lies in it.
        sha256: of the file.
        checked: the checksum of its own that the file was held against; None where training makes it, so that only
            what it is made from has one.
    """

    path: Path
    file: Path
    sha256: str
    checked: Literal["sha256", "md5"] | None


def fetch_weights(
    demand: WeightsDemand,
    out: Path | None = None,
    *,
    override: Path | None = None,
    cache: Cache | None = None,
    progress: Progress = silent,
) -> FetchedWeights:
    """The weights that the demand describes; made or fetched where they do not exist yet, verified where they do.

    Args:
        out: directory to put the file in; left out, a place in the cache.
        override: the user's own copy, of the weights file or of what the recipe makes it from.

    Raises:
        ChecksumMismatch: the file or its source is not the locked one.
        UsageError: it cannot be had here, with the remedy; or the recipe refused, with its words.
    """
    cache = cache or Cache(default_root())
    with cache.making("weights", _key(demand, override), progress) as made:
        fetched = _present(demand, made) or _make(demand, made, override, cache, progress)
    return fetched if out is None else _copy(fetched, out)


def recipe_file(name: str) -> Path:
    """The recipe's script, by its name in recipes/ or its path; its requirements lie beside it.

    Raises:
        UsageError: there is none of that name.
    """
    if name.endswith(".py"):
        return _own_recipe(Path(name))
    script = Path(str(resources.files("mlperf_bake.assets"))) / "recipes" / f"{name}.py"
    if not script.is_file():
        known = sorted(file.stem for file in script.parent.glob("*.py") if file.stem != "__init__")
        raise UsageError(f'unknown weights recipe "{name}"', expected="one of " + ", ".join(known))
    return script


def _own_recipe(script: Path) -> Path:
    for file in (script, script.with_suffix(".requirements.txt")):
        if not file.is_file():
            raise UsageError("a file of the recipe is missing", where=str(file), remedy="mlperf-bake lock")
    return script


def requirements_file(recipe: str) -> Path:
    """The locked requirements of a recipe. Raises as recipe_file."""
    return recipe_file(recipe).with_suffix(".requirements.txt")


def _key(demand: WeightsDemand, override: Path | None) -> str:
    """Readable, and a hash of all that determines the file."""
    parts: list[object] = [replace(demand, recipe=None)]  # what it says counts, not where it lies
    if demand.recipe is not None:
        parts += [recipe_file(demand.recipe).read_bytes(), requirements_file(demand.recipe).read_bytes()]
    if override is not None and demand.sha256 is None and demand.recipe is None:
        parts.append(_sum(override))
    return f"{demand.model}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def _sum(file: Path) -> str:
    try:
        return file_sha256(file)
    except OSError as error:
        raise UsageError(
            "the file cannot be read", where=str(file), found=error.strerror or str(error)
        ) from error


def _is_for_recipe(demand: WeightsDemand, override: Path) -> bool:
    """Whether the user's file is what the recipe reads; without a checksum of the weights it can be nothing else."""
    if demand.recipe is None:
        return False
    return demand.sha256 is None or _sum(override) == demand.source.sha256


def _present(demand: WeightsDemand, made: Path) -> FetchedWeights | None:
    """What an earlier call has put there, if it is still whole."""
    file = made / demand.file
    recorded = made.with_name(f"{made.name}.sha256")
    try:
        expected = demand.sha256 or recorded.read_text(encoding="ascii").strip()
        if (found := file_sha256(file)) == expected:
            return FetchedWeights(made, file, found, demand.checked)
    except FileNotFoundError:
        pass
    shutil.rmtree(made, ignore_errors=True)
    return None


def _make(
    demand: WeightsDemand, made: Path, override: Path | None, cache: Cache, progress: Progress
) -> FetchedWeights:
    with workspace(made.parent) as scratch:
        directory = scratch / "weights"
        directory.mkdir()
        file = directory / demand.file
        if override is not None and not _is_for_recipe(demand, override):
            shutil.copyfile(verified(override, demand.sha256 or _sum(override)), file)
            _check_md5(demand, file, str(override))
        elif demand.recipe is None:
            shutil.copyfile(fetch(demand.source, cache, progress=progress), file)
        else:
            source = fetch(demand.source, cache, override=override, progress=progress)
            _run_recipe(demand, demand.recipe, source, file, scratch / "source", cache, progress)
        sha256 = file_sha256(file)
        if demand.sha256 not in (None, sha256):
            raise ChecksumMismatch(
                demand.file,
                sha256,
                str(demand.sha256),
                remedy="the recipe or its libraries changed: lock anew",
            )
        made.with_name(f"{made.name}.sha256").write_text(f"{sha256}\n", encoding="ascii")
        publish(directory, made)
    return FetchedWeights(made, made / demand.file, sha256, demand.checked)


def _check_md5(demand: WeightsDemand, file: Path, where: str) -> None:
    """Holds a file without a locked sha256 against the checksum that its makers publish."""
    if demand.sha256 is None and demand.md5 is not None:
        found = file_sum(file, "md5")
        if found != demand.md5:
            raise ChecksumMismatch(where, found, demand.md5, algorithm="md5")


def _run_recipe(
    demand: WeightsDemand,
    recipe: str,
    source: Path,
    file: Path,
    directory: Path,
    cache: Cache,
    progress: Progress,
) -> None:
    """Runs the recipe on a directory that holds the source as recipes expect it."""
    script = recipe_file(recipe)
    python = make_environment(requirements_file(recipe), cache, progress)
    directory.mkdir()
    if isinstance(demand.source, DebianPackage):
        extract_debian_files(source, directory)
    else:
        (directory / demand.source.file).symlink_to(source.absolute())
    step = f"making {demand.file}"
    progress(step, 0, None)
    command = [str(python), "-I", str(script), f"--source={directory}", f"--out={file}"]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode != 0 or not file.is_file():
        raise_if_disk_was_full(outcome.stderr, file.parent)
        lines = outcome.stderr.strip().splitlines()
        raise UsageError(
            f"the recipe {recipe} refused",
            found=lines[-1] if lines else f"exit status {outcome.returncode}",
            remedy=f"python3 {script} --help",
        )
    progress(step, 1, 1)


def _copy(fetched: FetchedWeights, out: Path) -> FetchedWeights:
    """Puts the file into a directory of the user's, whole or not at all."""
    if out.exists() and not out.is_dir():
        raise UsageError("not a directory", where=str(out), remedy="choose another --out")
    target = out / fetched.file.name
    with workspace(out) as scratch:
        partial = scratch / target.name
        shutil.copyfile(fetched.file, partial)
        partial.chmod(0o644)
        partial.replace(target)
    return replace(fetched, path=out, file=target)

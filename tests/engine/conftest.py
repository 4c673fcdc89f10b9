"""A real engine, a real base image, and images that are removed again."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest

from mlperf_bake.build.service import BuildOptions
from mlperf_bake.engine.bases import ensure_base
from mlperf_bake.engine.bootstrap import ensure_engine
from mlperf_bake.engine.disk import COMFORTABLE
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.reclaim import reclaim
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.project import open_project

CHECKOUT = Path(__file__).parents[2]
PREFIX = "mlperf-bake/engine-test"

PlanOne = Callable[..., PlannedImage]


def say(text: str) -> None:
    """Shown by pytest when a test fails."""
    print(text)  # noqa: T201


@pytest.fixture(scope="session")
def engine() -> Engine:
    """The engine of this machine, installed and started where root may, with room for the tests; a machine without one
    fails the tests."""
    found = ensure_engine(say)
    reclaim(found, COMFORTABLE, say)
    return found


@pytest.fixture(scope="session")
def base(engine: Engine) -> str:
    """Named context of a base image whose package manager works."""
    pin = open_project(CHECKOUT).lock.bases["debian12"]
    reference = f"{pin.reference}@{pin.digest}"
    return ensure_base(engine, "debian12", "bookworm", engine.platform, reference, say).context


@pytest.fixture(scope="session", autouse=True)
def no_images_left(engine: Engine) -> Iterator[None]:
    """Removes the images of these tests at the end."""
    yield
    listed = engine.call(
        "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", "--filter", f"reference={PREFIX}-*"
    )
    tags = listed.stdout.split()
    if tags:
        engine.call("image", "rm", "--force", *tags)


@pytest.fixture(scope="session")
def plan_one(engine: Engine, base: str) -> PlanOne:
    """Makes a planned image out of a cell id and a Dockerfile that starts from ``base``."""

    def make(cell_id: str, dockerfile: str, platform: str = engine.platform) -> PlannedImage:
        name = f"engine-test-{cell_id}"
        text = dockerfile + 'ARG FINGERPRINT=""\nLABEL org.mlperf-bake.fingerprint="$FINGERPRINT"\n'
        fingerprint = "sha256:" + hashlib.sha256(f"{name}\0{text}".encode()).hexdigest()
        return PlannedImage(
            cell_id=name,
            sections=(text,),
            dockerfile_path=f"images/cpu/{name}/Dockerfile",
            platform=platform,
            fingerprint=fingerprint,
            ingredients=(),
            tags=(f"mlperf-bake/{name}:{fingerprint[7:19]}", f"mlperf-bake/{name}:latest"),
            labels=(("org.mlperf-bake.cell", name),),
            build_args=(("FINGERPRINT", fingerprint),),
            contexts=(("base", base),),
        )

    return make


@pytest.fixture
def salt() -> str:
    """Differs in every run, for steps that must not come from the build cache: that outlives directories and test runs."""
    return uuid4().hex


@pytest.fixture
def options(tmp_path: Path) -> BuildOptions:
    """One build at a time, with a state directory of its own."""
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    return BuildOptions(checkout=checkout, state=tmp_path / "state", jobs=1)

"""Room on the real engine's disk: what is told, and that dropping build cache touches nothing else."""

from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.engine.build_cache import cache_use
from mlperf_bake.engine.checkup import check_machine
from mlperf_bake.engine.disk import free_bytes
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.reclaim import engine_disk, reclaim
from tests.engine.conftest import PlanOne

MIB = 1 << 20
MORE_THAN_A_DISK_GAINS_BY_ITSELF = 256 * MIB

STAGE_THAT_NO_IMAGE_SHARES = """FROM base AS toolchain
RUN head -c 8388608 /dev/urandom > /made && echo SALT > /salt
FROM base
COPY --from=toolchain /salt /salt
"""


def test_cache_makes_way_and_images_stay(
    engine: Engine, plan_one: PlanOne, options: BuildOptions, salt: str
) -> None:
    image = plan_one("room", STAGE_THAT_NO_IMAGE_SHARES.replace("SALT", salt))
    build_images([image], engine, options, say=lambda text: None).raise_if_failed()
    before, disk = cache_use(engine), engine_disk(engine)
    assert disk is not None
    assert 8 * MIB <= before.reclaimable <= before.own <= before.total
    kept = set(
        engine.call(
            "image", "ls", "--quiet", "--no-trunc", "--filter", "reference=mlperf-bake/*"
        ).stdout.split()
    )
    volumes = set(engine.call("volume", "ls", "--quiet").stdout.split())

    said: list[str] = []
    assert reclaim(engine, free_bytes(disk) + MORE_THAN_A_DISK_GAINS_BY_ITSELF, said.append) > 0
    assert len(said) == 2
    assert said[1].startswith("dropped ")

    assert engine.call("image", "inspect", image.tags[0]).ok
    assert kept <= set(engine.call("image", "ls", "--quiet", "--no-trunc").stdout.split())
    assert volumes <= set(engine.call("volume", "ls", "--quiet").stdout.split())
    assert build_images([image], engine, options, say=lambda text: None).done[0].how == "up to date"


def test_doctor_tells_how_much_is_free_and_how_much_cache_can_go(engine: Engine) -> None:
    (finding,) = [one for one in check_machine(()) if one.name == "disk"]
    assert " GiB free in " in finding.found
    assert "of it can go" in finding.found

"""Runs in real containers: what a run may do, where its result goes, how it ends."""

import os
import signal
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import RunFailed
from mlperf_bake.run.hardened import RUN_LABEL
from mlperf_bake.run.request import Limits, RunRequest, Volume, new_run_id
from mlperf_bake.run.service import run_image
from tests.engine.conftest import PlanOne
from tests.engine.processes import driven
from tests.engine.stub import STUB_DOCKERFILE


@pytest.fixture(scope="module")
def image(engine: Engine, plan_one: PlanOne, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Reference of the stub image."""
    folder = tmp_path_factory.mktemp("stub")
    planned = plan_one("stub", STUB_DOCKERFILE)
    report = build_images([planned], engine, BuildOptions(folder, folder / "state"), say=lambda text: None)
    report.raise_if_failed()
    return planned.tags[0]


@pytest.fixture
def volume(engine: Engine) -> Iterator[Volume]:
    """A volume of its own, removed afterwards."""
    made = Volume(f"mlperf-bake-test-{uuid.uuid4().hex[:8]}")
    yield made
    engine.call("volume", "rm", "--force", made.name)


@pytest.fixture
def request_for(engine: Engine, image: str, volume: Volume) -> RunRequest:
    """A run of the stub into the volume."""
    return RunRequest(
        image=image,
        cell_id="stub",
        scenario="Offline",
        mode="performance",
        data="synthetic",
        results=volume,
        platform=engine.platform,
        run_id=new_run_id("Offline", "performance"),
    )


def behaving(request: RunRequest, behaviour: str) -> RunRequest:
    return replace(request, harness_options=("--behaviour", behaviour))


def containers(engine: Engine, run_id: str) -> list[str]:
    return engine.call("ps", "--all", "--quiet", "--filter", f"label={RUN_LABEL}={run_id}").stdout.split()


def listed(engine: Engine, volume: Volume, image: str) -> list[str]:
    """What lies in a volume."""
    arguments = ("run", "--rm", "--network=none", "--volume", f"{volume.name}:/v:ro", "--entrypoint", "ls")
    return engine.call(*arguments, image, "-A", "/v").stdout.split()


def test_a_run_can_do_nothing_but_write_its_result(
    engine: Engine, request_for: RunRequest, image: str, volume: Volume
) -> None:
    said: list[str] = []
    outcome = run_image(request_for, engine, say=said.append)
    found = {
        key: outcome.manifest[key]
        for key in ("uid", "capabilities", "no_new_privileges", "root", "network", "data")
    }
    assert found == {
        "uid": "65532",
        "capabilities": "0000000000000000",
        "no_new_privileges": "1",
        "root": "read-only",
        "network": "lo",
        "data": "synthetic",
    }
    assert outcome.valid
    assert outcome.image_digest.startswith("sha256:")
    assert outcome.manifest["image_digest"] == outcome.image_digest
    assert listed(engine, volume, image) == [request_for.run_id]
    assert containers(engine, request_for.run_id) == []
    assert any("warm-up" in line for line in said)
    assert any("VALID" in line for line in said)


def test_a_result_directory_is_written_by_its_owner(
    engine: Engine, request_for: RunRequest, tmp_path: Path
) -> None:
    tmp_path.chmod(0o755)
    results = tmp_path / "results"
    outcome = run_image(replace(request_for, results=results), engine, say=lambda text: None)
    assert (results / request_for.run_id / "manifest.json").is_file()
    owner = results.stat().st_uid
    assert owner == (65532 if os.geteuid() == 0 else os.geteuid())
    assert outcome.manifest["uid"] == str(owner)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a directory away")
def test_a_directory_of_another_user_stays_that_users(
    engine: Engine, request_for: RunRequest, tmp_path: Path
) -> None:
    results = tmp_path / "results"
    results.mkdir()
    os.chown(results, 4711, 4711)
    outcome = run_image(replace(request_for, results=results), engine, say=lambda text: None)
    assert outcome.manifest["uid"] == "4711"
    assert (results / request_for.run_id / "manifest.json").stat().st_uid == 4711


def test_data_is_mounted_where_the_harness_looks(
    engine: Engine, request_for: RunRequest, tmp_path: Path
) -> None:
    (tmp_path / "dataset.conf").write_text("name = none\n", encoding="utf-8")
    tmp_path.chmod(0o755)
    outcome = run_image(replace(request_for, data=tmp_path), engine, say=lambda text: None)
    assert (outcome.manifest["data"], outcome.manifest["sees"]) == ("/data", "dataset.conf")


def test_an_invalid_run_is_a_result_and_is_not_called_valid(engine: Engine, request_for: RunRequest) -> None:
    outcome = run_image(behaving(request_for, "invalid"), engine, say=lambda text: None)
    assert not outcome.valid


def test_a_failed_backend_is_named_and_leaves_no_container(engine: Engine, request_for: RunRequest) -> None:
    with pytest.raises(RunFailed) as caught:
        run_image(behaving(request_for, "fail"), engine, say=lambda text: None)
    assert caught.value.problem == "the backend failed"
    assert "the backend says no" in str(caught.value.found)
    assert containers(engine, request_for.run_id) == []


@pytest.mark.parametrize(
    ("behaviour", "problem"), [("incomplete", "incomplete"), ("nothing", "left no result")]
)
def test_a_run_that_ends_well_without_a_whole_result_is_a_failure(
    behaviour: str, problem: str, engine: Engine, request_for: RunRequest
) -> None:
    with pytest.raises(RunFailed, match=problem):
        run_image(behaving(request_for, behaviour), engine, say=lambda text: None)


def test_a_run_id_is_used_once(engine: Engine, request_for: RunRequest, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    os.chown(results, 65532, 65532) if os.geteuid() == 0 else None
    (results / f".partial-{request_for.run_id}").mkdir()
    with pytest.raises(RunFailed) as caught:
        run_image(replace(request_for, results=results), engine, say=lambda text: None)
    assert caught.value.problem == "the results cannot be written"


def test_the_memory_limit_is_kept_and_named(engine: Engine, request_for: RunRequest) -> None:
    limited = replace(behaving(request_for, "eat"), limits=Limits(memory_bytes=64 << 20))
    with pytest.raises(RunFailed) as caught:
        run_image(limited, engine, say=lambda text: None)
    assert caught.value.problem == "the run needed more memory than it may take"
    assert caught.value.found == "limit 64 MiB"


def test_an_image_that_was_never_built_names_the_command(engine: Engine, request_for: RunRequest) -> None:
    with pytest.raises(RunFailed) as caught:
        run_image(replace(request_for, image="mlperf-bake/none:latest"), engine, say=lambda text: None)
    assert caught.value.remedy == "mlperf-bake build --target=stub"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_cleanly_and_leaves_nothing(
    number: signal.Signals,
    engine: Engine,
    request_for: RunRequest,
    image: str,
    volume: Volume,
    tmp_path: Path,
) -> None:
    with driven(tmp_path / "driver", "run", behaving(request_for, "wait")) as running:
        running.wait_for("warm-up")
        running.process.send_signal(number)
        assert running.process.wait(timeout=40) == 130
        assert "the run was interrupted; nothing of it counts" in running.output
        assert "exit code" not in running.output
    assert containers(engine, request_for.run_id) == []
    assert listed(engine, volume, image) == []


def test_a_run_whose_client_was_killed_is_cleaned_up_by_the_next(
    engine: Engine, request_for: RunRequest, tmp_path: Path
) -> None:
    with driven(tmp_path / "driver", "run", behaving(request_for, "wait")) as running:
        running.wait_for("warm-up")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    assert len(containers(engine, request_for.run_id)) == 1
    said: list[str] = []
    run_image(replace(request_for, run_id=new_run_id("Offline", "performance")), engine, say=said.append)
    assert containers(engine, request_for.run_id) == []
    assert any(request_for.run_id in line and "abandoned" in line for line in said)

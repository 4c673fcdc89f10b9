"""A run that was stopped leaves no directory behind, and what it says names the way on."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.errors import Interrupted
from mlperf_bake.results.place import DirectoryPlace
from mlperf_bake.results.run import read_runs
from mlperf_bake.run.endings import INTERRUPTED, error_for
from mlperf_bake.run.hardened import CLIENT_LABEL, RUN_LABEL
from mlperf_bake.run.interrupted import AGAIN, directory_of, going_on, remove_interrupted
from mlperf_bake.run.request import RunRequest, Volume
from mlperf_bake.run.service import remove_leftovers
from tests.support.synthetic_runs import FINGERPRINT, RunSpec, write_run


def test_what_an_interrupted_run_left_is_removed(tmp_path: Path) -> None:
    write_run(tmp_path, RunSpec(run_id="stopped", status="interrupted"))
    (tmp_path / ".partial-stopped").mkdir()
    remove_interrupted(tmp_path, "stopped")
    assert list(tmp_path.iterdir()) == []


def test_a_finished_run_and_what_is_no_run_are_never_removed(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(run_id="done"))
    (tmp_path / "results/other").mkdir()
    for name in ("done", "other", "missing", "", "..", "../results"):
        remove_interrupted(tmp_path / "results", name)
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == ["done", "other"]


class Abandoned:
    """A container whose client is gone, as docker-py gives it."""

    def __init__(self, source: Path) -> None:
        self.labels = {RUN_LABEL: "killed", CLIENT_LABEL: "no-such-client"}
        self.attrs = {"Mounts": [{"Type": "bind", "Source": str(source), "Destination": "/results"}]}

    def remove(self, *, force: bool) -> None:
        assert force


def test_what_a_killed_client_left_goes_with_its_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".partial-killed").mkdir()
    (tmp_path / ".partial-running").mkdir()
    monkeypatch.setattr("mlperf_bake.run.service.client_is_gone", lambda label: True)

    class Client:
        class containers:
            @staticmethod
            def list(**_: Any) -> list[Abandoned]:
                return [Abandoned(tmp_path)]

    said: list[str] = []
    assert remove_leftovers(Client(), said.append) == 1  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == [".partial-running"]
    assert said == ["removed the container of an abandoned run (killed)"]


def test_a_volume_is_no_directory_of_this_machine() -> None:
    volume = {"Type": "volume", "Source": "/var/lib/docker/volumes/results/_data", "Destination": "/results"}
    assert directory_of({"Mounts": [volume]}) is None
    assert directory_of({}) is None


def test_the_end_of_an_interrupted_run_says_how_to_go_on() -> None:
    error = error_for(INTERRUPTED, cell_id="c", image="i", said=(), out_of_memory=False, memory=0)
    assert isinstance(error, Interrupted)
    assert error.remedy == "the same command makes the run anew"


def test_what_an_interrupted_run_left_in_a_volume_stays_and_the_command_that_removes_it_is_named() -> None:
    request = RunRequest(
        image="mlperf-bake/c:latest",
        cell_id="c",
        scenario="Offline",
        mode="performance",
        data="synthetic",
        results=Volume("res"),
        platform="linux/amd64",
        run_id="stopped",
    )
    removing = "docker run --rm --network=none --volume res:/results --entrypoint rm mlperf-bake/c:latest -r /results/stopped"
    assert removing in going_on(request)
    assert going_on(replace(request, results=Path("results"))) == AGAIN
    error = error_for(
        INTERRUPTED,
        cell_id="c",
        image="i",
        said=(),
        out_of_memory=False,
        memory=0,
        going_on=going_on(request),
    )
    assert removing in str(error)


@pytest.mark.parametrize(("fingerprint", "tag"), [(FINGERPRINT, "abababababab"), (None, "latest")])
def test_collect_names_the_command_for_an_interrupted_run_of_a_volume(
    tmp_path: Path, fingerprint: str | None, tag: str
) -> None:
    write_run(tmp_path / "runs", RunSpec(run_id="stopped", status="interrupted", fingerprint=fingerprint))

    class OpenedVolume:
        label = "volume:res"

        def open(self, scratch: Path) -> Path:
            return tmp_path / "runs"

    (left,) = read_runs([OpenedVolume()], tmp_path / "one").left_out
    assert left.reason.startswith("the run was interrupted; it stays there until  docker run ")
    assert left.reason.endswith(f"debian12:{tag} -r /results/stopped")
    (left,) = read_runs([DirectoryPlace(tmp_path / "runs")], tmp_path / "two").left_out
    assert left.reason == "the run was interrupted"

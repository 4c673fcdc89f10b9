"""Runs are read from directories and tar files; what is not whole or contradicts itself is left out with a reason."""

import json
import shutil
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.results.place import DirectoryPlace, TarPlace, VolumePlace, parse_place
from mlperf_bake.results.run import LeftOut, Runs, read_runs
from tests.support.synthetic_runs import RunSpec, write_pair, write_run


def read(tmp_path: Path, *places: Path) -> Runs:
    scratch = tmp_path / "scratch"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir()
    return read_runs([parse_place(str(place)) for place in places], scratch)


def only_left_out(runs: Runs) -> LeftOut:
    assert runs.complete == ()
    (left_out,) = runs.left_out
    return left_out


def test_runs_come_from_a_directory_by_start_time(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(run_id="b", started_at="2026-11-22T09:00:00Z"))
    write_run(tmp_path / "results", RunSpec(run_id="a", started_at="2026-11-22T10:00:00+00:30"))
    write_run(tmp_path / "results" / "deeper", RunSpec(run_id="c", started_at="2026-11-22T08:00:00Z"))
    runs = read(tmp_path, tmp_path / "results")
    assert [run.manifest.run_id for run in runs.complete] == ["c", "b", "a"]
    assert runs.left_out == ()


def test_a_run_itself_is_a_place(tmp_path: Path) -> None:
    run = write_run(tmp_path, RunSpec())
    assert [found.directory for found in read(tmp_path, run).complete] == [run]


def test_a_tar_file_gives_the_same_runs_as_its_directory(tmp_path: Path) -> None:
    write_pair(tmp_path / "results", RunSpec())
    with tarfile.open(tmp_path / "r.tar.gz", "w:gz") as archive:
        archive.add(tmp_path / "results", arcname="results")
    from_tar = read(tmp_path, tmp_path / "r.tar.gz")
    assert [run.manifest for run in from_tar.complete] == [
        run.manifest for run in read(tmp_path, tmp_path / "results").complete
    ]
    both = read(tmp_path, tmp_path / "results", tmp_path / "r.tar.gz")
    assert len(both.complete) == 2


def test_two_different_runs_with_one_id_are_named_also_within_one_place(tmp_path: Path) -> None:
    write_run(tmp_path / "results" / "one", RunSpec(run_id="same"))
    write_run(tmp_path / "results" / "two", RunSpec(run_id="same", cpu_model="Another CPU"))
    with pytest.raises(UsageError) as refused:
        read(tmp_path, tmp_path / "results")
    assert refused.value.where == f"{tmp_path}/results/two/same"
    assert refused.value.found == f"the other is {tmp_path}/results/one/same"


@pytest.mark.parametrize("name", ["manifest.json", "mlperf_log_detail.txt", "mlperf_log_accuracy.json"])
def test_a_file_of_a_run_is_answered_with_the_runs_directory(tmp_path: Path, name: str) -> None:
    run = write_run(tmp_path, RunSpec(mode="accuracy"))
    with pytest.raises(UsageError, match="a file of a run is not the run") as refused:
        parse_place(str(run / name))
    assert str(run) in str(refused.value.remedy)


def test_two_different_runs_with_one_id_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "one", RunSpec())
    write_run(tmp_path / "two", RunSpec(cpu_model="Another CPU"))
    with pytest.raises(UsageError, match="two different runs have the id"):
        read(tmp_path, tmp_path / "one", tmp_path / "two")


def test_partial_runs_are_no_runs_and_told(tmp_path: Path) -> None:
    run = write_run(tmp_path / "results", RunSpec())
    run.rename(run.parent / f".partial-{run.name}")
    runs = read(tmp_path, tmp_path / "results")
    assert (runs.complete, runs.foreign) == ((), ())
    assert [(one.run_id, one.reason.partition(",")[0]) for one in runs.left_out] == [
        (run.name, "it was killed")
    ]


REASONS: list[tuple[RunSpec, str]] = [
    (RunSpec(status="interrupted"), "the run was interrupted"),
    (RunSpec(mode="find-peak"), "find-peak runs are not results"),
    (RunSpec(detail={"effective_scenario": "SingleStream"}), "says scenario Offline"),
    (RunSpec(detail={"effective_test_mode": "AccuracyOnly"}), "says mode performance"),
    (RunSpec(detail={"loadgen_version": "5.1.0 @ x"}), "says LoadGen version 6.0.17"),
    (RunSpec(detail={"effective_qsl_rng_seed": 1}), "says qsl_rng_seed 2085463073848966840"),
    (RunSpec(detail={"result_validity": "INVALID"}), "says validity VALID"),
    (RunSpec(detail={"qsl_reported_total_count": 21}), "says samples of the data set 20"),
    (RunSpec(detail={"result_validity": ...}), "not written to its end"),
    (RunSpec(manifest={"mode": "fast"}), "manifest.json: not a manifest"),
    (RunSpec(mode="accuracy", samples=21), "does not cover the data set"),
]


@pytest.mark.parametrize(("spec", "reason"), REASONS, ids=[reason for _, reason in REASONS])
def test_a_run_that_does_not_count_is_left_out_with_its_reason(
    tmp_path: Path, spec: RunSpec, reason: str
) -> None:
    run = write_run(tmp_path / "results", spec)
    if spec.samples == 21:
        accuracy = write_run(tmp_path, replace(spec, samples=20))
        shutil.copy(accuracy / "mlperf_log_accuracy.json", run)
    assert reason in only_left_out(read(tmp_path, tmp_path / "results")).reason


def test_logs_without_a_manifest_are_named_and_not_runs_of_ours(tmp_path: Path) -> None:
    run = write_run(tmp_path / "results" / "a" / "b", RunSpec())
    (run / "manifest.json").unlink()
    shutil.copytree(run, run.parent / "ranging")
    runs = read(tmp_path, tmp_path / "results")
    assert (runs.complete, runs.left_out) == ((), ())
    assert [logs.name for logs in runs.foreign] == [str(run)]


@pytest.mark.parametrize("name", ["mlperf_log_detail.txt", "mlperf_log_summary.txt", "user.conf"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    (write_run(tmp_path / "results", RunSpec()) / name).unlink()
    assert only_left_out(read(tmp_path, tmp_path / "results")).reason == f"{name}: the file is missing"


@pytest.mark.parametrize("name", ["mlperf_log_detail.txt", "mlperf_log_accuracy.json"])
def test_a_log_cut_in_half_is_left_out(tmp_path: Path, name: str) -> None:
    log = write_run(tmp_path / "results", RunSpec(mode="accuracy")) / name
    log.write_bytes(log.read_bytes()[: log.stat().st_size // 2])
    assert name in only_left_out(read(tmp_path, tmp_path / "results")).reason


def test_a_link_out_of_the_results_is_not_followed(tmp_path: Path) -> None:
    log = write_run(tmp_path / "results", RunSpec()) / "mlperf_log_summary.txt"
    log.unlink()
    log.symlink_to("/etc/hostname")
    assert "not a regular file" in only_left_out(read(tmp_path, tmp_path / "results")).reason


def test_interactive_runs_are_logged_as_server(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec(scenario="Interactive"))
    assert [run.manifest.scenario for run in read(tmp_path, tmp_path / "results").complete] == ["Interactive"]


def test_what_a_user_types_becomes_a_place(tmp_path: Path) -> None:
    tar = tmp_path / "r.tar"
    tar.touch()
    assert parse_place(str(tmp_path)) == DirectoryPlace(tmp_path)
    assert parse_place(str(tar)) == TarPlace(tar)
    assert parse_place("volume:results", image="i") == VolumePlace("results", "i")
    assert parse_place("no-such-thing") == VolumePlace("no-such-thing")
    assert parse_place("volume:x").label == "volume:x"


@pytest.mark.parametrize("text", ["missing.tar", "./missing/directory", "/dev/null", "a b", ""])
def test_what_is_no_place_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="no results at"):
        parse_place(text)


class FakeEngine:
    """Answers as docker-py does; gives out a tar archive of a directory and counts what it created and removed."""

    def __init__(self, directory: Path | None, images: list[str]) -> None:
        self._directory = directory
        self._images = images
        self.created: list[str] = []
        self.removed = 0
        self.volumes = self.images = self.containers = self

    def close(self) -> None:
        pass

    def get(self, name: str) -> None:
        import docker.errors

        if self._directory is None:
            raise docker.errors.NotFound("no such volume")

    def list(self, filters: dict[str, str]) -> list[Any]:
        assert filters == {"label": "org.mlperf-bake.cell"}
        return [type("Image", (), {"id": f"sha256:{tag}", "tags": [tag]})() for tag in self._images]

    def create(self, image: str, **options: Any) -> "FakeEngine":
        assert options["volumes"] == {"results": {"bind": "/results", "mode": "ro"}}
        assert options["network_mode"] == "none"
        assert set(options["labels"]) == {"org.mlperf-bake.run", "org.mlperf-bake.client"}
        self.created.append(image)
        return self

    def get_archive(self, path: str, chunk_size: int) -> tuple[Any, dict[str, object]]:
        import io

        buffer = io.BytesIO()
        with tarfile.open(fileobj=buffer, mode="w") as archive:
            archive.add(str(self._directory), arcname="results")
        data = buffer.getvalue()
        return (data[at : at + 777] for at in range(0, len(data), 777)), {}

    def remove(self, force: bool) -> None:
        self.removed += 1


def test_a_volume_is_read_through_a_container_that_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_pair(tmp_path / "results", RunSpec())
    engine = FakeEngine(tmp_path / "results", ["one", "two"])
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("docker.DockerClient", lambda **options: engine)
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    runs = read_runs([VolumePlace("results")], scratch)
    assert len(runs.complete) == 2
    assert {run.place for run in runs.complete} == {"volume:results"}
    assert (engine.created, engine.removed) == (["sha256:one"], 1)


def test_a_missing_volume_or_image_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setattr("docker.DockerClient", lambda **options: FakeEngine(None, []))
    with pytest.raises(UsageError, match="no volume"):
        VolumePlace("results").open(tmp_path)
    monkeypatch.setattr("docker.DockerClient", lambda **options: FakeEngine(tmp_path, []))
    with pytest.raises(UsageError, match="no local image"):
        VolumePlace("results").open(tmp_path)


def test_a_manifest_in_the_wrong_shape_does_not_stop_the_others(tmp_path: Path) -> None:
    write_run(tmp_path / "results", RunSpec())
    broken = tmp_path / "results" / "broken"
    broken.mkdir()
    (broken / "manifest.json").write_text(json.dumps([1]), encoding="utf-8")
    runs = read(tmp_path, tmp_path / "results")
    assert len(runs.complete) == 1
    assert runs.left_out[0].run_id == "broken"

"""`build`: where images are looked for and what buildx is asked, without an engine."""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.journal import Entry, Journal
from mlperf_bake.build.state import BuiltImage
from mlperf_bake.cli.app import execute
from mlperf_bake.engine.bases import Base
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.version import Version
from mlperf_bake.project import Project
from mlperf_bake.publish.registry import RegistryFailed
from tests.support.second_matrix import make_project
from tests.support.standin_daemon import StandinDaemon

PREFIX = "registry.example/team"
CELL = "mobilenet-cpp-onnxruntime-cpu-debian12"
BASES = ("--context", "base=debian@sha256:1", "--context", "build-base=debian@sha256:1")
ENGINE = Engine(
    docker="/nowhere/docker",
    buildx=("/nowhere/docker", "buildx"),
    host="unix:///nowhere/docker.sock",
    client=Version(28, 0, 0),
    server=Version(26, 0, 0),
    buildx_version=Version(0, 13, 0),
    platform="linux/amd64",
    containerd_store=True,
    memory_bytes=1 << 34,
    cpus=2,
    root_dir="/nowhere",
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A checkout that the commands are called in, with an engine that has no image."""
    made = make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    with StandinDaemon(tmp_path / "d.sock") as daemon:
        monkeypatch.setattr("mlperf_bake.engine.find.find_engine", lambda: replace(ENGINE, host=daemon.host))
        monkeypatch.setattr("mlperf_bake.engine.secrets.host_secrets", tuple)
        yield made


def test_a_registry_stands_before_every_tag_that_is_built(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["build", CELL, "--dry-run", "--json", "--registry", PREFIX, *BASES]) == 0
    [target] = json.loads(capsys.readouterr().out)["target"].values()
    assert [tag.partition(":")[0] for tag in target["tags"]] == [f"{PREFIX}/mlperf-bake/{CELL}"] * 2
    assert target["output"] == ["type=docker"], "a registry alone pushes nothing"


def test_an_image_with_a_registrys_name_is_found_under_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def named(host: str, references: Iterable[str]) -> Mapping[str, BuiltImage]:
        asked.extend(references)
        execute(["build", CELL, "--dry-run", "--json", "--registry", PREFIX, *BASES])
        [target] = json.loads(capsys.readouterr().out)["target"].values()
        fingerprint = target["args"]["FINGERPRINT"]
        return {fingerprint: BuiltImage("sha256:" + "2" * 64, fingerprint, tuple(target["tags"]), ())}

    monkeypatch.setattr("mlperf_bake.build.service.named_images", named)
    assert execute(["build", CELL, "--registry", PREFIX, "--json", *BASES]) == 0
    [done] = json.loads(capsys.readouterr().out)["done"]
    assert [done["tag"]] == asked
    assert done["tag"].startswith(f"{PREFIX}/mlperf-bake/{CELL}:")
    assert done["how"] == "up to date"


def test_a_push_without_a_registry_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["build", CELL, "--push"]) == 2
    assert "--push --registry" in capsys.readouterr().err


@pytest.mark.usefixtures("project")
def test_what_is_published_is_told_even_where_the_registry_dies_before_the_families_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def dead(*_: object) -> None:
        raise RegistryFailed("the registry does not answer", where=PREFIX)

    monkeypatch.setattr("mlperf_bake.publish.delivery.Publisher.delivered", lambda self, image: "sha256:1")
    monkeypatch.setattr("mlperf_bake.publish.delivery.Publisher.name_again", lambda *_: None)
    monkeypatch.setattr("mlperf_bake.publish.families.name_family", dead)
    cell = CELL.replace("onnxruntime", "tflite")
    assert execute(["build", cell, "--push", "--registry", PREFIX, "--json", *BASES]) == 5
    said = capsys.readouterr()
    assert [one["cell"] for one in json.loads(said.out)["done"]] == [cell]
    assert json.loads(said.out)["families"] == []
    assert "the registry does not answer" in said.err


@pytest.mark.usefixtures("project")
def test_nothing_chosen_builds_nothing_unless_all_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["build", "--dry-run"]) == 2
    assert "--all for each of " in capsys.readouterr().err
    assert execute(["build", "--all", "--dry-run", "--json", "--only", "model=bert", *BASES]) == 0
    assert CELL not in capsys.readouterr().out


def test_a_push_builds_a_layout_of_each_platform_with_its_caches(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    tflite = CELL.replace("onnxruntime", "tflite")
    words = [
        "build",
        tflite,
        "--dry-run",
        "--json",
        "--push",
        "--registry",
        PREFIX,
        "--platform",
        "linux/amd64,linux/arm64",
    ]
    words += ["--cache-from", "type=registry,ref=registry.example/cache", *BASES]
    assert execute(words) == 0
    targets = json.loads(capsys.readouterr().out)["target"]
    assert sorted(targets) == [tflite.replace("-cpu-", "-coral-"), tflite]
    assert [target["platforms"] for _, target in sorted(targets.items())] == [
        ["linux/arm64"],
        ["linux/amd64"],
    ]
    for name, target in targets.items():
        place = project.state / "layouts" / name
        assert target["output"] == [f"type=oci,dest={place},tar=false"]
        assert f"type=registry,ref=registry.example/cache:{name}" in target["cache-from"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--push", "--registry", "https://registry.example/team"], "not a registry"),
        (["--push", "--registry", "Team"], "not a registry"),
        (["--registry", "https://registry.example/team"], "not a registry"),
        (["--registry", "Team", "--dry-run"], "not a registry"),
        (["--cache-to", "s3"], "not a place for a build cache"),
        (["--cache-to", "type=gha,mode=all"], "mode=max (every stage; the default) or mode=min"),
        (["--bundle", "nowhere"], "there is no such directory"),
        (["--time-limit", "0"], "--time-limit takes minutes"),
        (["--time-limit", "nan"], "--time-limit takes minutes"),
        (["--platform", "linux/s390x"], "no chosen cell is of this platform"),
        (["--platform", "linux/s390x"], "linux/amd64, linux/arm64"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_is_built(
    words: list[str], said: str, project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    assert execute(["build", CELL, *words]) in (2, 3)
    assert said in capsys.readouterr().err


def test_a_dry_run_pulls_and_makes_no_base_image_and_names_what_a_build_would(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def pulled(*_: object) -> None:
        raise AssertionError("a dry run makes or pulls nothing")

    monkeypatch.setattr("mlperf_bake.engine.bases.ensure_base", pulled)
    assert execute(["build", CELL, "--dry-run", "--json"]) == 0
    said = capsys.readouterr()
    (target,) = json.loads(said.out)["target"].values()
    assert "contexts" not in target, "the locked base, by its digest in the Dockerfile"
    assert said.err.count("is not here: a build pulls it or, where no hub gives it, makes one") == 1
    assert execute(["build", CELL, "--dry-run", "--json", *BASES]) == 0
    assert "is not here" not in capsys.readouterr().err, "what the user gives is not looked for"


def test_a_dry_run_takes_a_base_that_was_made_here_as_a_build_does(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (cell,) = [one for one in project.matrix.every_cell if one.id == CELL]
    key = project.matrix.images_of(cell, "linux/amd64", "linux/amd64")[0][1]
    made = {
        (key, "linux/amd64"): Base("docker-image://mlperf-bake/base:x", "sha256:" + "1" * 64, "bootstrapped")
    }
    monkeypatch.setattr("mlperf_bake.engine.bases.present_bases", lambda engine, locked: made)
    assert execute(["build", CELL, "--dry-run", "--json"]) == 0
    said = capsys.readouterr()
    (target,) = json.loads(said.out)["target"].values()
    assert set(target["contexts"].values()) == {"docker-image://mlperf-bake/base:x"}
    assert "is not here" not in said.err


def test_a_dry_run_tells_people_what_would_be_built_and_why(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    tflite = CELL.replace("onnxruntime", "tflite")
    words = ["build", "--dry-run", *BASES, CELL, tflite]
    execute([*words, "--json"])
    targets = json.loads(capsys.readouterr().out)["target"]
    there = targets[CELL]["args"]["FINGERPRINT"]
    older = (("org.mlperf-bake.cell", tflite), ("org.mlperf-bake.ingredients", '{"file gone":"1"}'))
    images = {
        there: BuiltImage("sha256:" + "2" * 64, there, (), ()),
        "sha256:older": BuiltImage("sha256:" + "3" * 64, "sha256:older", (), older),
    }
    monkeypatch.setattr("mlperf_bake.build.service.named_images", lambda host, names: {there: images[there]})
    last = {"sha256:older": images["sha256:older"]}
    monkeypatch.setattr("mlperf_bake.build.state.named_images", lambda host, names: last)
    project.state.mkdir(exist_ok=True)
    built = Entry("t", "built", tflite, "linux/amd64", "sha256:older", seconds=75.0, size=1 << 30)
    Journal(project.state / "journal.jsonl").append(built)

    assert execute(words) == 0
    header, first, second, summary = capsys.readouterr().out.splitlines()
    assert header.split() == ["CELL", "FINGERPRINT", "STATE", "LAST", "TOOK", "WHY"]
    assert first.split("  ")[:3] == [CELL, there[7:19], "up to date"]
    assert second.split()[0] == tflite and "build" in second.split() and "1 min 15 s" in second
    assert " is new" in second, "the reason is what changed since the image that is there"
    assert summary.startswith("1 of 2 images would be built, into the engine's own store: up to ")
    assert "for 1 image (1 of 1 by the size of an earlier build)" in summary and "`--json`" in summary

    assert execute(["build", "--dry-run", *BASES, CELL]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "Nothing would be built of 1 image."
    assert execute(["build", "--dry-run", "--force", *BASES, CELL]) == 0
    assert "asked for, whether it is up to date or not" in capsys.readouterr().out

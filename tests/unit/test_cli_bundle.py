"""`bundle` and `build --bundle`: which bases go in, and what a build is told of them, without an engine."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.service import BuildOptions
from mlperf_bake.bundle.record import Bundle, BundledBase, BundledCell, reachable, write_bundle
from mlperf_bake.cli.app import execute
from mlperf_bake.cli.bundle import wanted_bases
from mlperf_bake.engine.command import Finished
from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import BuildFailed
from mlperf_bake.oci.layout import Layout
from mlperf_bake.plan.planner import Context, Overrides
from mlperf_bake.project import Project
from tests.support.layouts import layer, make_layout
from tests.support.second_matrix import make_project
from tests.support.standin_daemon import StandinDaemon
from tests.unit.test_cli_build import CELL, ENGINE


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """A checkout that the commands are called in, with an engine that has nothing."""
    made = make_project(tmp_path)
    monkeypatch.chdir(tmp_path)
    with StandinDaemon(tmp_path / "d.sock") as daemon:
        monkeypatch.setattr("mlperf_bake.engine.find.find_engine", lambda: replace(ENGINE, host=daemon.host))
        yield made


def bundle_of(project: Project, build_platform: str = "linux/amd64", fingerprint: str = "") -> Bundle:
    """A whole bundle for one cell on the locked base."""
    (cell,) = [one for one in project.matrix.every_cell if one.id == CELL]
    (image,) = project.plan([cell])
    root = project.root / "bundle"
    top = make_layout(root, [layer({"x": b"1"})]).top
    key = project.matrix.images_of(cell, "linux/amd64", "linux/amd64")[0][1]
    made = Bundle(
        root=root,
        revision="",
        build_platform=build_platform,
        cells=(BundledCell(CELL, "linux/amd64", fingerprint or image.fingerprint),),
        bases=(BundledBase(key, "linux/amd64", "debian:1", True, top),),
        caches={CELL: top},
        blobs=reachable(Layout(root), [top]),
    )
    write_bundle(made)
    return made


def test_a_build_from_a_bundle_keeps_its_fingerprint_and_asks_no_hub(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bundle_of(project)
    assert execute(["build", CELL, "--offline", "--bundle", "bundle", "--dry-run", "--json"]) == 0
    said = capsys.readouterr()
    (target,) = json.loads(said.out)["target"].values()
    assert target["args"]["FINGERPRINT"] == bundle.cells[0].fingerprint
    (farm,) = (project.state / "bundle").iterdir()
    base = f"oci-layout://{farm}/base-0@{bundle.bases[0].top.digest}"
    assert target["contexts"] == {"base": base, "build-base": base}
    assert f"type=local,src={farm}/cache/{CELL}" in target["cache-from"]
    assert "other sources" not in said.err


def test_a_bundle_of_other_sources_is_told(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    bundle_of(project, fingerprint="sha256:" + "0" * 64)
    assert execute(["build", CELL, "--bundle", "bundle", "--dry-run", "--json"]) == 0
    assert "was made from other sources" in capsys.readouterr().err


def test_a_bundle_of_another_kind_of_machine_is_refused(
    project: Project, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle_of(project, build_platform="linux/arm64")
    assert execute(["build", CELL, "--bundle", "bundle", "--dry-run", "--json"]) == 2
    assert "made on another kind of machine" in capsys.readouterr().err


def test_a_dry_run_from_a_bundle_loads_no_base_image_and_names_it(
    project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = bundle_of(project)
    own = replace(bundle.bases[0], reference="mlperf-bake/base:x", locked=False)
    write_bundle(replace(bundle, bases=(own,)))

    def called(engine: Engine, *words: str, timeout: float = 60.0) -> Finished:
        assert words[:2] not in (("image", "load"), ("image", "tag")), words
        return Finished(words, 1, "", "nothing is here")

    monkeypatch.setattr(Engine, "call", called)
    assert execute(["build", CELL, "--bundle", "bundle", "--dry-run", "--json"]) == 0
    assert "the base image mlperf-bake/base:x is not here: a build loads it" in capsys.readouterr().err


def test_bundling_nothing_is_refused(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    assert execute(["bundle", "--out", "x"]) == 2
    assert "mlperf-bake bundle TARGET --out DIR" in capsys.readouterr().err


def test_the_bases_that_a_build_would_take_are_bundled(project: Project) -> None:
    (cell,) = [one for one in project.matrix.every_cell if one.id == CELL]
    (locked,) = wanted_bases(project, [cell], Overrides(), ENGINE)
    assert locked.locked and locked.reference == project.lock.bases[locked.key].pinned
    made = Overrides(
        bases={(locked.key, "linux/amd64"): Context("docker-image://mlperf-bake/base:x", "sha256:1")}
    )
    (own,) = wanted_bases(project, [cell], made, ENGINE)
    assert not own.locked and own.reference == "mlperf-bake/base:x"
    given = Overrides(every={"base": Context("docker-image://mine", "mine")})
    assert [base.reference for base in wanted_bases(project, [cell], given, ENGINE)] == [locked.reference]


@pytest.mark.parametrize("command", ["bundle", "reproduce"])
def test_what_goes_on_from_a_failure_names_the_round_and_contexts_again(
    command: str, project: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (project.root / "own").mkdir()
    seen: list[BuildOptions] = []

    def stop(*arguments: object, **named: object) -> None:
        seen.extend(one for one in (*arguments, *named.values()) if isinstance(one, BuildOptions))
        raise BuildFailed("stopped here")

    monkeypatch.setattr("mlperf_bake.build.contexts.overrides_for", lambda *arguments: Overrides())
    monkeypatch.setattr("mlperf_bake.bundle.make.make_bundle", stop)
    monkeypatch.setattr("mlperf_bake.cli.reproduce.compared", stop)
    assert execute([command, CELL, "--round", "v6.0", "--context", "wheels=own"]) == 5
    assert "stopped here" in capsys.readouterr().err
    assert [options.again for options in seen] == [("--context=wheels=own", "--round=v6.0")]

"""No cell claims more than was proven: a proof counts for the Dockerfile, files and round that it was made with, no other."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.values import Cell
from mlperf_bake.project import Project, open_project
from mlperf_bake.proof.record import (
    PROOFS,
    Proof,
    dockerfile_digest,
    load_proofs,
    save_proofs,
    sources_digest,
)
from mlperf_bake.proof.standing import Standing, standings
from tests.support.second_matrix import make_project
from tests.unit.test_cli_cells import mlperf_bake

IMAGE = "sha256:" + "ab" * 32
CELL = Cell("mobilenet-v2", "cpp", "onnxruntime", "cpu", "debian12")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with one cell that was proven as it is."""
    project = make_project(tmp_path)
    save_proofs(project.root / PROOFS, {CELL.id: proof_of(project)})
    return project.root


def proof_of(project: Project) -> Proof:
    image = project.planner().plan_cell(CELL)
    return Proof(
        "accuracy checked",
        "2026-11-22",
        IMAGE,
        dockerfile_digest(image.dockerfile),
        "EPYC, 2 CPUs, linux/amd64",
        ("Offline",),
        "9 of 10",
        sources=sources_digest(image.ingredients),
        round="v6.1",
    )


def standing(root: Path, round_name: str = "") -> Standing:
    return standings(open_project(root, round_name), [CELL])[CELL]


def test_a_proof_of_the_cell_as_it_is_holds(root: Path) -> None:
    now = standing(root)
    assert (now.state, now.holds, now.words) == ("accuracy checked", True, "accuracy checked")


def test_a_changed_template_leaves_the_proof_behind(root: Path) -> None:
    final = root / "templates" / "final.j2"
    final.write_text(final.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    now = standing(root)
    assert (now.state, now.holds, now.words) == ("declared", False, "accuracy checked (before a change)")
    assert now.why_not == "its Dockerfile is another now"


def test_a_changed_lock_leaves_the_proof_behind(root: Path) -> None:
    proof = load_proofs(root / PROOFS)[CELL.id]
    save_proofs(root / PROOFS, {CELL.id: replace(proof, dockerfile=IMAGE)})
    assert standing(root).words == "accuracy checked (before a change)"


def test_changed_sources_of_the_harness_leave_the_proof_behind(root: Path) -> None:
    main = root / "harness" / "src" / "main.cc"
    main.write_text(main.read_text(encoding="utf-8") + "// changed\n", encoding="utf-8")
    now = standing(root)
    assert (now.state, now.told) == ("declared", "before a change")
    assert now.why_not == "files that are copied into it are others now"


def test_a_proof_that_did_not_record_its_files_is_not_taken_for_one_of_these(root: Path) -> None:
    proof = load_proofs(root / PROOFS)[CELL.id]
    save_proofs(root / PROOFS, {CELL.id: replace(proof, sources="", round="")})
    assert (standing(root).state, standing(root).told) == ("declared", "before a change")


def test_another_round_claims_nothing_of_this_ones_proof(root: Path) -> None:
    now = standing(root, "v5.1")
    assert (now.state, now.holds, now.words) == ("declared", False, "accuracy checked (in v6.1)")
    done = mlperf_bake(root, "list", CELL.id, "--round", "v5.1", "--json")
    (row,) = json.loads(done.stdout)["cells"]
    assert (row["state"], row["proven"], row["proof_holds"], row["round_proven"]) == (
        "declared",
        "accuracy checked",
        False,
        "v6.1",
    )


def test_without_a_lock_that_fits_nothing_is_claimed(root: Path) -> None:
    (root / "matrix.lock").unlink()
    now = standing(root)
    assert (now.state, now.words, now.why_not) == (
        "declared",
        "accuracy checked (not compared)",
        "there is no lock",
    )


def test_a_cell_is_rendered_only_where_its_dockerfile_lies(root: Path) -> None:
    (root / PROOFS).unlink()
    assert standing(root).state == "declared", "published, but images/ is not there"
    assert mlperf_bake(root, "render").returncode == 0
    assert (standing(root).state, standing(root).dockerfile) == (
        "rendered",
        f"images/cpu/{CELL.id}/Dockerfile",
    )
    assert standing(root, "v5.1").state == "declared", "images-v5.1/ is not there"


def test_a_project_has_the_proofs_that_are_brought_along_while_they_hold(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought = tmp_path / "brought.proofs"
    (root / PROOFS).rename(brought)
    monkeypatch.setattr("mlperf_bake.shipped.shipped_file", lambda name: brought)
    assert standing(root).words == "accuracy checked"
    final = root / "templates" / "final.j2"
    final.write_text(final.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    assert standing(root) == Standing("declared"), "somebody else's proof of another image says nothing here"


def test_what_stood_in_is_told_of_bases_made_here_too(root: Path) -> None:
    proof = replace(load_proofs(root / PROOFS)[CELL.id], base_made=True)
    save_proofs(root / PROOFS, {CELL.id: proof})
    assert load_proofs(root / PROOFS) == {CELL.id: proof}
    assert standing(root).words == "accuracy checked, base made here"
    assert replace(proof, stand_ins=("weights",)).qualified == (
        "accuracy checked, weights stood in, base made here"
    )


def test_what_stands_in_for_a_base_changes_no_digest_of_the_files() -> None:
    files = [("file LICENSE", "aa"), ("file harness/src", "bb")]
    assert sources_digest([*files, ("context base", "cc"), ("template x", "dd")]) == sources_digest(files)
    assert sources_digest(files) != sources_digest(files[:1])


def test_list_tells_date_image_and_machine(root: Path) -> None:
    header, row = mlperf_bake(root, "list", CELL.id).stdout.splitlines()
    assert header.split() == ["CELL", "DIVISION", "STATE", "ACCURACY", "SEEN", "IMAGE", "MACHINE"]
    assert re.split(r"\s{2,}", row)[-3:] == ["2026-11-22", "ab" * 6, "EPYC, 2 CPUs, linux/amd64"]


def test_the_furthest_cell_of_several_is_the_one_whose_proof_holds() -> None:
    proof = Proof("built", "2026-11-22", IMAGE, IMAGE, "EPYC")
    ranked = [
        Standing("declared"),
        Standing("rendered"),
        Standing("rendered", proof, "changed", "before a change"),
        Standing("rendered", replace(proof, state="ran"), "changed", "before a change"),
        Standing("built", replace(proof, stand_ins=("base",))),
        Standing("built", proof),
        Standing("ran", replace(proof, state="ran")),
    ]
    shuffled = [ranked[place] for place in (6, 2, 0, 4, 1, 5, 3)]
    assert sorted(shuffled, key=lambda one: one.rank) == ranked


def test_a_damaged_file_of_proofs_stops_it(root: Path) -> None:
    (root / PROOFS).write_text("version: 1\ncells: {x: {state: fine}}\n", encoding="utf-8")
    with pytest.raises(UsageError, match="fine"):
        standing(root)

"""docs/axes.md says what matrix.proofs says: written by the program, held against it by `render --check`."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.project import Project
from mlperf_bake.proof.page import BEGIN, END, PAGE, proof_table, refresh_page
from mlperf_bake.proof.record import PROOFS, Proof, save_proofs
from tests.support.second_matrix import make_project
from tests.unit.test_cli_cells import mlperf_bake

DIGEST = "sha256:" + "0a" * 32
RAN = Proof("ran", "2026-11-20", DIGEST, DIGEST, "EPYC", ("Offline",))
PROOFS_OF = {
    "mobilenet-cpp-onnxruntime-cpu-debian12": RAN,
    "mobilenet-cpp-tvm-cpu-debian12": replace(RAN, date="2026-11-22", machine="Xeon"),
    "bert-cpp-onnxruntime-cuda-ubuntu22.04": replace(RAN, state="built", stand_ins=("base",)),
    "gone-cpp-onnxruntime-cpu-debian12": replace(RAN, state="accuracy checked"),
}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = make_project(tmp_path)
    (tmp_path / "docs").mkdir()
    (tmp_path / PAGE).write_text(f"# Axes\n\n{BEGIN}old\n{END}\nby hand\n", encoding="utf-8")
    save_proofs(tmp_path / PROOFS, PROOFS_OF)
    return made


def test_each_value_has_the_furthest_of_its_cells_and_those_never_seen_say_so(project: Project) -> None:
    rows = proof_table(project.matrix, PROOFS_OF).splitlines()
    assert "| model | mobilenet | ran | 2 cells | 2026-11-22 | EPYC; Xeon |" in rows
    assert "| model | bert | built, base stood in | 1 cell | 2026-11-20 | EPYC |" in rows
    assert "| model | mobilenet-v2 | never built and recorded | | | |" in rows
    assert "| hardware | coral | never built and recorded | | | |" in rows
    assert not [row for row in rows if "accuracy checked" in row], (
        "a cell that the matrix has no more proves nothing"
    )


def test_the_declared_base_comes_before_one_in_its_place(project: Project) -> None:
    stood_in = {cell: replace(proof, base_made=True) for cell, proof in PROOFS_OF.items()}
    stood_in["mobilenet-cpp-tvm-cpu-debian12"] = RAN
    assert "| model | mobilenet | ran | 1 cell | 2026-11-20 | EPYC |" in proof_table(project.matrix, stood_in)


def test_the_page_keeps_what_people_wrote(project: Project) -> None:
    assert refresh_page(project.root, project.matrix, PROOFS_OF)
    text = (project.root / PAGE).read_text(encoding="utf-8")
    assert text == f"# Axes\n\n{BEGIN}{proof_table(project.matrix, PROOFS_OF)}{END}\nby hand\n"
    assert not refresh_page(project.root, project.matrix, PROOFS_OF)
    (project.root / PAGE).write_text("no such part\n", encoding="utf-8")
    assert not refresh_page(project.root, project.matrix, PROOFS_OF)


def test_a_stale_page_fails_the_check_and_render_mends_it(project: Project) -> None:
    assert mlperf_bake(project.root, "render").returncode == 0
    assert mlperf_bake(project.root, "render", "--check").returncode == 0
    save_proofs(
        project.root / PROOFS, {"mobilenet-cpp-onnxruntime-cpu-debian12": replace(RAN, state="built")}
    )
    done = mlperf_bake(project.root, "render", "--check")
    assert done.returncode == 4 and f"{PAGE} (changed)" in done.stderr
    assert f"then commit {PAGE}\n" in done.stderr
    assert mlperf_bake(project.root, "render").stdout == f"changed  {PAGE}\n"
    assert mlperf_bake(project.root, "render", "--check").returncode == 0

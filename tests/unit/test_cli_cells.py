"""`list`, `explain`, `plan`, `render`, `lock` as whole processes: exit codes, streams, and never a traceback."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.project import open_project
from mlperf_bake.proof.record import PROOFS, Proof, dockerfile_digest, save_proofs, sources_digest
from tests.support.second_matrix import CHECKOUT, TEXT, make_project

PROGRAM = [sys.executable, "-c", "from mlperf_bake.cli.app import main; main()"]


def mlperf_bake(directory: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*PROGRAM, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stdout + done.stderr
    assert "a defect of this program" not in done.stderr
    return done


DIGEST = "sha256:" + "ab" * 32


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("second")).root


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return make_project(tmp_path).root


def test_list_shows_each_cell_once(directory: Path) -> None:
    done = mlperf_bake(directory, "list", "--only", "model=bert")
    assert done.returncode == 0
    rows = done.stdout.splitlines()
    assert rows[0].split() == ["CELL", "DIVISION", "STATE", "ACCURACY", "SEEN", "IMAGE", "MACHINE"]
    assert [row.split()[0] for row in rows[1:]] == [
        "bert-cpp-onnxruntime-cpu-debian12",
        "bert-cpp-onnxruntime-cpu-ubuntu22.04",
        "bert-cpp-onnxruntime-cuda-ubuntu22.04",
    ]
    assert all(
        row.split()[2:] == ["declared", "-", "-", "-", "-"] for row in rows[1:]
    )  # not published, never run
    assert "3 cells, round v6.1" in done.stderr


def test_list_tells_what_cells_and_frameworks_were_seen_to_do(own: Path) -> None:
    project = open_project(own)
    cells = ("bert-cpp-onnxruntime-cpu-debian12", "bert-cpp-onnxruntime-cpu-ubuntu22.04")
    proofs = {
        image.cell_id: Proof(
            "accuracy checked",
            "2026-11-22",
            DIGEST,
            dockerfile_digest(image.dockerfile),
            "a processor, 2 CPUs",
            ("Offline",),
            "9 of 10",
            sources=sources_digest(image.ingredients),
        )
        for image in project.plan(project.cells(cells))
    }
    proofs[cells[1]] = replace(proofs[cells[1]], state="built", accuracy="")
    save_proofs(own / PROOFS, proofs)
    rows = [re.split(r"\s{2,}", line) for line in mlperf_bake(own, "list", "bert-*").stdout.splitlines()]
    seen = ("2026-11-22", "abababababab", "a processor, 2 CPUs")
    assert [cells[0], "open", "accuracy checked", "9 of 10", *seen] in rows
    assert [cells[1], "open", "built", "-", *seen] in rows
    done = mlperf_bake(own, "list", "--framework", "--json", "--only", "framework=onnxruntime,tvm")
    lines = {line["framework"]: line for line in json.loads(done.stdout)["frameworks"]}
    assert lines["onnxruntime"]["cell"] == cells[0]
    assert (lines["onnxruntime"]["state"], lines["onnxruntime"]["proven"]) == ("accuracy checked", 1)
    assert (lines["tvm"]["state"], lines["tvm"]["date"]) == ("not proven", None)
    said = mlperf_bake(own, "explain", cells[0]).stdout.splitlines()[1]
    assert (
        said
        == f"seen: accuracy checked, 9 of 10 right, Offline, 2026-11-22, a processor, 2 CPUs, image {DIGEST}"
    )
    (own / PROOFS).write_text("version: 1\ncells:\n  x: {state: perfect}\n", encoding="utf-8")
    broken = mlperf_bake(own, "list")
    assert broken.returncode == 2
    assert "matrix.proofs:3:" in broken.stderr
    assert "perfect" in broken.stderr


@pytest.mark.parametrize(
    "command",
    [
        "list --json",
        "list --framework --json",
        "explain coral --json",
        "plan bert --json --no-engine",
        "lock --check --json",
    ],
)
def test_json_goes_to_stdout_and_nothing_else_does(directory: Path, command: str) -> None:
    done = mlperf_bake(directory, *command.split())
    assert done.returncode == 0, done.stderr
    assert isinstance(json.loads(done.stdout), dict)


def test_json_of_list_holds_one_cell_a_line(directory: Path) -> None:
    done = mlperf_bake(directory, "list", "mobilenet-v2-*", "--json")
    cells = json.loads(done.stdout)["cells"]
    assert all(
        json.loads(line.strip().removesuffix(",")) in cells
        for line in done.stdout.splitlines()
        if '"id"' in line
    )
    assert {cell["model"] for cell in cells} == {"mobilenet-v2"}
    assert {cell["dockerfile"] for cell in cells} == {None}, "images/ is not there"


def test_json_of_plan_is_what_the_planner_says_one_image_a_line(directory: Path) -> None:
    done = mlperf_bake(directory, "plan", "mobilenet-*", "--json", "--no-engine")
    project = open_project(directory)
    assert json.loads(done.stdout) == {
        "round": project.round_name,
        "images": [
            {
                "id": image.cell_id,
                "fingerprint": image.fingerprint,
                "platform": image.platform,
                "dockerfile": image.dockerfile_path,
                "ingredients": dict(image.ingredients),
                "state": "unknown",
                "why": "no engine was asked",
            }
            for image in project.plan(project.cells(["mobilenet-*"]))
        ],
    }
    lines = [line.strip().removesuffix(",") for line in done.stdout.splitlines() if '"id"' in line]
    assert all(list(row) == sorted(row) for row in map(json.loads, lines))
    assert len(lines) == len(json.loads(done.stdout)["images"])


def test_explain_tells_what_was_chosen_by_whom_and_why(directory: Path) -> None:
    done = mlperf_bake(directory, "explain", "coral")
    assert done.stdout.splitlines()[:4] == [
        "coral is mobilenet-cpp-tflite-coral-debian12",
        "seen: never run; mlperf-bake prove mobilenet-cpp-tflite-coral-debian12",
        "next: mlperf-bake build --target coral",
        "",
    ]
    assert "by you" in done.stdout and "first that fits" in done.stdout
    assert "coral needs framework tflite: its compiler reads nothing else" in done.stdout
    told = json.loads(mlperf_bake(directory, "explain", "coral", "--json").stdout)
    assert told["given"] == {"hardware": "coral"}
    assert told["filled"]["framework"] == "tflite"
    assert told["cell"]["id"] == "mobilenet-cpp-tflite-coral-debian12"
    assert "its compiler reads nothing else" in [rule["because"] for rule in told["rules"]]


def test_explain_tells_what_a_submission_needs(directory: Path) -> None:
    told = mlperf_bake(directory, "explain", "mobilenet-cpp").stdout
    assert "a closed submission needs: scenarios of edge: SingleStream, MultiStream, Offline; " in told
    assert told.count("compliance tests TEST01, TEST04") == 1


def test_explain_offers_no_build_for_a_round_that_has_none(directory: Path) -> None:
    assert "next: " in mlperf_bake(directory, "explain", "mobilenet-cpp").stdout
    told = mlperf_bake(directory, "explain", "mobilenet-cpp", "--round", "v4.0").stdout
    assert told.splitlines()[2].startswith("cannot be built: round v4.0: no image can be built, since")
    assert "next: " not in told


def test_explain_and_plan_and_list_take_a_target_as_build_and_run_do(directory: Path) -> None:
    argument, option = (
        mlperf_bake(directory, "explain", *words) for words in (["coral"], ["--target", "coral"])
    )
    assert option.stdout == argument.stdout and option.returncode == 0
    for command in (["plan", "--no-engine"], ["list"]):
        done = mlperf_bake(directory, *command, "--target", "coral", "-t", "bert-cpp-onnxruntime-cpu-*")
        cells = [line.split()[0] for line in done.stdout.splitlines()[1:]]
        assert [cell.split("-")[0] for cell in cells] == ["mobilenet", "bert", "bert"], done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["explain", "mobilnet"], 2, "did you mean mobilenet"),
        (["explain", "bert-coral"], 2, "its compiler reads nothing else"),
        (["explain", "mobilenet-tflite-cpu"], 2, "is ambiguous"),
        (["explain"], 2, "is missing"),
        (["explain", "bert", "extra"], 2, "extra"),
        (["explain", "bert", "--target", "coral"], 2, "one target at a time"),
        (["list", "nope-*"], 3, 'no cell fits "nope-*"'),
        (["list", "--only", "hardware=cpuu"], 2, 'did you mean "cpu"?'),
        (["plan", "bert-*", "--only", "hardware=coral", "--no-engine"], 3, "no cell fits the selection"),
        (["plan", "--no-such-option"], 2, "unknown option"),
        (["nope"], 2, "unknown command"),
        (["prove"], 2, "nothing was chosen"),
        (["lock", "--update", "nope/*"], 3, 'no entry fits "nope/*"'),
        (["lock", "--check", "--update", "bases/*"], 2, "--check writes nothing and --update pins anew"),
        (["render", "--check"], 4, "remedy:   mlperf-bake render"),
    ],
)
def test_every_refusal_has_its_exit_code_and_a_sentence(
    directory: Path, arguments: list[str], code: int, said: str
) -> None:
    done = mlperf_bake(directory, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


def test_outside_of_a_project_the_shipped_matrix_is_taken(tmp_path: Path) -> None:
    there, here = mlperf_bake(tmp_path, "list", "--json"), mlperf_bake(CHECKOUT, "list", "--json")
    assert there.returncode == 0, there.stderr
    assert there.stdout == here.stdout


def test_a_directory_that_was_removed_says_where_to_go(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = subprocess.run(
        ["sh", "-c", f'cd gone && rmdir ../gone && exec "{sys.executable}" -c "$1" list', "sh", PROGRAM[2]],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "the current directory cannot be read" in done.stderr


def test_a_directory_below_the_project_will_do(directory: Path) -> None:
    assert mlperf_bake(directory / "templates" / "tools", "list").returncode == 0


@pytest.mark.parametrize(
    "command",
    [["list"], ["explain", "bert"], ["plan", "--no-engine"], ["render"], ["lock"], ["lock", "--check"]],
)
def test_a_wrong_matrix_stops_every_command_with_all_its_faults(own: Path, command: list[str]) -> None:
    text = TEXT.replace("framework: [onnxruntime]", "framework: [onxruntime]").replace(
        "[cpu, coral]", "[cpu, corral]"
    )
    (own / "matrix.yaml").write_text(text, encoding="utf-8")
    done = mlperf_bake(own, *command)
    assert (done.returncode, done.stdout) == (2, "")
    assert 'unknown framework "onxruntime" (did you mean "onnxruntime"?)' in done.stderr
    assert 'unknown hardware "corral" (did you mean "coral"?)' in done.stderr


@pytest.mark.parametrize(
    "command", [["plan", "--no-engine"], ["render"], ["render", "--check"], ["lock", "--check"]]
)
@pytest.mark.parametrize("damage", ["missing", "stale", "binary"])
def test_a_lock_that_does_not_fit_stops_what_needs_it(own: Path, command: list[str], damage: str) -> None:
    path = own / "matrix.lock"
    if damage == "missing":
        path.unlink()
    elif damage == "stale":
        path.write_text(
            path.read_text(encoding="utf-8").replace("ubuntu:jammy", "ubuntu:noble"), encoding="utf-8"
        )
    else:
        path.write_bytes(b"\xff\x00")
    done = mlperf_bake(own, *command)
    assert done.returncode == (2 if damage == "binary" else 4)
    assert "matrix.lock" in done.stderr
    assert mlperf_bake(own, "list").returncode == 0
    assert not (own / "images").exists()


def test_a_stale_lock_is_told_to_machines_entry_by_entry(own: Path) -> None:
    fresh = mlperf_bake(own, "lock", "--check", "--json")
    whole = json.loads(fresh.stdout)
    assert fresh.returncode == 0
    assert (whole["stale"], whole["why"], whole["changes"]) == (False, None, [])

    matrix = (own / "matrix.yaml").read_text(encoding="utf-8")
    (own / "matrix.yaml").write_text(matrix.replace("tag: bookworm", "tag: trixie"), encoding="utf-8")
    stale = mlperf_bake(own, "lock", "--check", "--json")
    told = json.loads(stale.stdout)
    assert stale.returncode == 4 and "the lock does not belong to the matrix" in stale.stderr
    assert told["stale"] and told["why"] == "the lock does not belong to the matrix"
    assert [(change["entry"], change["change"]) for change in told["changes"]] == [
        ("bases/debian12", "not locked"),
        ("bases/debian12", "no longer wanted"),
    ]
    assert told["changes"][0]["wanted"].startswith("debian:trixie")

    (own / "matrix.yaml").write_text(matrix, encoding="utf-8")
    lock = (own / "matrix.lock").read_text(encoding="utf-8")
    (own / "matrix.lock").write_text(
        re.sub("made_from: sha256:[0-9a-f]{8}", "made_from: sha256:00000000", lock), encoding="utf-8"
    )
    edited = mlperf_bake(own, "lock", "--check", "--json")
    assert edited.returncode == 4
    assert json.loads(edited.stdout)["stale"] and json.loads(edited.stdout)["changes"] == []

    (own / "matrix.lock").unlink()
    missing = mlperf_bake(own, "lock", "--check", "--json")
    none = json.loads(missing.stdout)
    assert missing.returncode == 4 and none["why"] == "there is no lock"
    assert len(none["changes"]) == none["entries"] == whole["entries"]
    assert {change["change"] for change in none["changes"]} == {"not locked"}


def test_rendered_files_are_written_checked_and_mended(own: Path) -> None:
    assert mlperf_bake(own, "render").returncode == 0
    files = sorted(path for path in (own / "images").rglob("*") if path.is_file())
    assert {path.name for path in files} == {"Dockerfile"}
    assert mlperf_bake(own, "render", "--check").returncode == 0
    before = [path.read_bytes() for path in files]
    files[0].write_text("FROM scratch\n", encoding="utf-8")
    files[1].unlink()
    (own / "images" / "cpu" / "extra").mkdir()
    (own / "images" / "cpu" / "extra" / "Dockerfile").write_text("FROM scratch\n", encoding="utf-8")
    check = mlperf_bake(own, "render", "--check", "--json")
    assert check.returncode == 4
    changes = {change["path"]: change["change"] for change in json.loads(check.stdout)["changes"]}
    assert sorted(changes.values()) == ["changed", "extra", "missing"]
    assert mlperf_bake(own, "render").returncode == 0
    assert [path.read_bytes() for path in files] == before
    assert not (own / "images" / "cpu" / "extra").exists()


def test_a_template_fault_is_told_with_file_and_line(own: Path) -> None:
    (own / "templates" / "final.j2").write_text("a\n{{ nope }}\n", encoding="utf-8")
    done = mlperf_bake(own, "plan", "--no-engine")
    assert done.returncode == 2
    assert "templates/final.j2:2: the template cannot be rendered" in done.stderr


def test_a_copied_file_that_is_missing_is_told(own: Path) -> None:
    (own / "LICENSE").unlink()
    done = mlperf_bake(own, "plan", "--no-engine")
    assert done.returncode == 2
    assert "LICENSE: a template copies what is not there" in done.stderr


def test_whoever_stops_reading_gets_no_complaint(directory: Path) -> None:
    with subprocess.Popen(
        [*PROGRAM, "plan", "--json", "--no-engine"],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        complaint = process.stderr.read()
        code = process.wait(timeout=60)
    assert code == 0
    assert b"Traceback" not in complaint and b"Error" not in complaint


def on_a_terminal(directory: Path, *arguments: str) -> list[str]:
    """The lines that a command shows on a terminal of 100 columns."""
    ours, theirs = os.openpty()
    with subprocess.Popen(
        [*PROGRAM, *arguments],
        cwd=directory,
        env={**os.environ, "PYTHONPATH": str(CHECKOUT), "COLUMNS": "100"},
        stdout=theirs,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                read = os.read(ours, 65536)
            except OSError:  # the terminal was closed at the other end
                break
            if not read:
                break
            shown += read
        assert process.wait(timeout=60) == 0, process.stderr and process.stderr.read()
    os.close(ours)
    return shown.decode().splitlines()


@pytest.mark.parametrize("command", [["list"], ["plan", "--no-engine"]])
def test_a_terminal_gets_one_line_a_model_and_each_cell_on_request_or_in_a_pipe(
    directory: Path, command: list[str]
) -> None:
    header, *rows = on_a_terminal(directory, *command)
    assert header.split()[:2] == ["MODEL", "CELLS"]
    piped = mlperf_bake(directory, *command).stdout.splitlines()
    counts = {
        name: sum(line.startswith((f"{name}-cpp", f"{name}-tflite")) for line in piped)
        for name in ("mobilenet-v2", "bert")
    }
    counts = {"mobilenet": len(piped) - 1 - sum(counts.values()), **counts}
    assert [row.split()[:2] for row in rows] == [[name, str(count)] for name, count in counts.items()]
    for options in (["--all"], ["--only", "model=bert,mobilenet,mobilenet-v2"], ["*"]):
        shown = on_a_terminal(directory, *command, *options)
        assert [line.split()[0] for line in piped] == [
            line.split()[0] for line in shown if not line.startswith(" ")
        ]

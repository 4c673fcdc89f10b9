"""matrix.lock: read, held against the matrix, written, and brought up to date without asking for what is known."""

import hashlib
import json
import subprocess
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from mlperf_bake.engine.command import Finished
from mlperf_bake.errors import NothingSelected, Stale, UsageError
from mlperf_bake.lock import hub, pinning
from mlperf_bake.lock.demand import Demand, checksum, demands
from mlperf_bake.lock.git import commit_of
from mlperf_bake.lock.lockfile import load_lock, lock_of, require_current, write_lock
from mlperf_bake.lock.pinning import Pinning
from mlperf_bake.lock.pins import BasePin, FilePin, Pin, SourcePin
from mlperf_bake.lock.recipes import declared_result
from mlperf_bake.lock.unreachable import Unreachable
from mlperf_bake.lock.updating import update_lock
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.matrix.values import Weights
from mlperf_bake.project import Project, open_project
from tests.support.second_matrix import CHECKOUT, TEXT, invented_lock, make_project

DIGEST = "sha256:" + "ab" * 32
LOADGEN = {"v6.1": "6.0.17", "v5.1": "5.1.2"}


class Invented:
    """Pins everything out of nothing and remembers what it was asked for; refuses the keys in ``without``."""

    def __init__(self, without: tuple[str, ...] = (), letter: str = "a") -> None:
        self.asked: list[str] = []
        self._without = without
        self._letter = letter

    def __call__(self, demand: Demand) -> Pin:
        self.asked.append(f"{demand.section}/{demand.key}")
        if demand.key in self._without:
            raise UsageError("nobody answers", found="no network", remedy="plug it in")
        if demand.section == "bases":
            return BasePin(demand.wanted, f"sha256:{self._letter * 64}")
        if demand.section == "weights":
            return None if demand.wanted.startswith("recipe ") else self._letter * 64
        return FilePin(demand.wanted, f"{demand.key.replace(' ', '-')}.whl", self._letter * 64)


def silent(text: str) -> None:
    assert text


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return make_project(tmp_path)


def reopened(project: Project, edit: Callable[[str], str] = str) -> Project:
    path = project.root / "matrix.yaml"
    path.write_text(edit(path.read_text(encoding="utf-8")), encoding="utf-8")
    return open_project(project.root)


def test_the_lock_of_this_checkout_belongs_to_its_matrix() -> None:
    lock = open_project(CHECKOUT).lock
    assert lock.weights.keys() == set(open_project(CHECKOUT).matrix.models)


def test_demands_are_sorted_and_name_each_thing_once() -> None:
    found = demands(parse_matrix(TEXT, "matrix.yaml"), LOADGEN)
    assert list(found) == sorted(set(found))
    keys = {(demand.section, demand.key) for demand in found}
    assert len(keys) == len(found)
    assert ("packages", "pypi tvm 1.0 x86_64") in keys
    assert ("packages", "pypi tvm 1.0 aarch64") not in keys  # no cell of this matrix has it
    assert ("packages", "pypi tflite 1.0 aarch64") in keys
    assert ("packages", "debian libtvm-dev 1.0-1 arm64") in keys
    assert Demand("packages", "debian dataset-bert 1.0-1", "any") in found
    assert Demand("weights", "bert", "recipe fashion_net") in found


def test_what_is_written_is_read_back(project: Project, tmp_path: Path) -> None:
    lock = invented_lock(project.demands)
    path = tmp_path / "again.lock"
    path.write_text(write_lock(lock), encoding="utf-8")
    assert load_lock(path) == lock


def test_the_text_does_not_follow_the_order_of_the_entries(project: Project) -> None:
    lock = invented_lock(project.demands)
    turned = replace(
        lock,
        bases=dict(reversed(list(lock.bases.items()))),
        packages=dict(reversed(list(lock.packages.items()))),
    )
    assert write_lock(turned) == write_lock(lock)


def test_a_missing_lock_is_stale_and_says_what_to_type(tmp_path: Path) -> None:
    with pytest.raises(Stale) as caught:
        _ = make_project(tmp_path, lock=False).lock
    assert (caught.value.exit_code, caught.value.remedy) == (4, "mlperf-bake lock")


def test_a_stale_lock_says_what_it_lacks_and_what_is_too_much(project: Project) -> None:
    stale = reopened(project, lambda text: text.replace("tag: jammy", "tag: noble"))
    with pytest.raises(Stale) as caught:
        _ = stale.lock
    assert caught.value.found == (
        "not locked: bases ubuntu22.04 (ubuntu:noble); no longer wanted: bases ubuntu22.04 (ubuntu:jammy)"
    )


def test_a_lock_of_another_checksum_is_stale(project: Project) -> None:
    lock = invented_lock(project.demands)
    require_current(lock, project.demands, "matrix.lock")
    with pytest.raises(Stale):
        require_current(replace(lock, made_from=DIGEST), project.demands, "matrix.lock")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("version: 2", "version: 3", 'unknown value "3"'),
        ("made_from: sha256:", "made_from: md5:", '"made_from"'),
        ("digest: sha256:", "digest: sha1:", '"digest"'),
        ('sha256: "', 'sha256: "zz', '"sha256"'),
        ("packages:\n", "packages: {\n", "this is not YAML"),
        ("weights:\n", "extra: 1\nweights:\n", 'unknown key "extra"'),
        ("bases:\n", "bases:\n  RUN evil: {wanted: x}\n", "lacks the key"),
        ("file: ", "file: ../", '"file"'),
        ("{wanted: \"debian:bookworm\"", "{wanted: \"debian:bookworm\\nRUN evil\"", '"wanted"'),
        ("{wanted: \"6.", "{wanted: \"6.\\nRUN evil", '"wanted"'),
        ("{wanted: \"6.", "{wanted: \"$(evil)6.", '"wanted"'),
    ],
)  # fmt: skip
def test_a_damaged_lock_is_told_with_its_place(project: Project, old: str, new: str, said: str) -> None:
    path = project.root / "matrix.lock"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    for read in (
        lambda: load_lock(path, "matrix.lock"),
        lambda: update_lock(project, "", silent, Invented()),
    ):
        with pytest.raises(UsageError, match="the lock is damaged") as caught:
            read()
        assert said in str(caught.value.found)
        assert str(caught.value.found).startswith("matrix.lock:")
        assert "git checkout matrix.lock" in str(caught.value.remedy)
    assert path.read_text(encoding="utf-8") == text.replace(old, new, 1)


def test_a_lock_that_a_merge_left_says_how_to_take_one_side(project: Project) -> None:
    path = project.root / "matrix.lock"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text.replace("bases:\n", "<<<<<<< HEAD\nbases:\n=======\n>>>>>>> other\n"), encoding="utf-8"
    )
    with pytest.raises(UsageError, match="both sides of a merge") as caught:
        project.lock  # noqa: B018
    assert "git checkout --theirs matrix.lock" in str(caught.value.remedy)


def edit(project: Project, old: str, new: str) -> int:
    """Replaces text in one line of the lock; the number of that line."""
    path = project.root / "matrix.lock"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    (place,) = [number for number, line in enumerate(lines) if old in line]
    lines[place] = lines[place].replace(old, new)
    path.write_text("".join(lines), encoding="utf-8")
    return place + 1


def test_entries_edited_by_hand_are_named_with_their_lines(project: Project) -> None:
    sha256 = hashlib.sha256(b"pypi tvm 1.0 x86_64").hexdigest()
    first = edit(project, sha256, "f" * 64)
    second = edit(project, '"mobilenet"', '"mobilenet-v9"')
    with pytest.raises(Stale) as caught:
        _ = open_project(project.root).lock
    assert caught.value.problem == "2 entries of the lock were edited by hand"
    assert caught.value.where == f"matrix.lock:{first}"
    assert caught.value.found == (
        f"matrix.lock:{first}: packages/pypi tvm 1.0 x86_64; matrix.lock:{second}: weights/mobilenet-v9"
    )


def test_what_was_edited_by_hand_is_pinned_anew_and_only_that(project: Project) -> None:
    edit(project, hashlib.sha256(b"pypi tvm 1.0 x86_64").hexdigest(), "f" * 64)
    invented = Invented()
    changes = update_lock(reopened(project), "", silent, invented)
    assert [entry for entry in invented.asked if entry != "weights/bert"] == ["packages/pypi tvm 1.0 x86_64"]
    assert changes == (
        (
            "packages/pypi tvm 1.0 x86_64",
            f"was edited by hand, pinned anew to pypi-tvm-1.0-x86_64.whl sha256 {'a' * 64}",
        ),
    )
    assert open_project(project.root).lock.packages["pypi tvm 1.0 x86_64"].sha256 == "a" * 64


def test_a_removed_entry_is_told(project: Project) -> None:
    path = project.root / "matrix.lock"
    lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
    path.write_text("".join(line for line in lines if '"debian12"' not in line), encoding="utf-8")
    with pytest.raises(Stale) as caught:
        _ = open_project(project.root).lock
    assert caught.value.found == "not locked: bases debian12 (debian:bookworm)"


def test_a_base_that_no_hub_gives_stays_without_a_digest_and_is_named(project: Project) -> None:
    invented = Invented()

    def without_hub(demand: Demand) -> Pin:
        return BasePin(demand.wanted, None) if demand.section == "bases" else invented(demand)

    update_lock(project, "bases/*", silent, without_hub)
    assert open_project(project.root).lock.unlocked_bases == (), "a digest that is locked is never given up"
    (project.root / "matrix.lock").unlink()
    update_lock(project, "", silent, without_hub)
    lock = open_project(project.root).lock
    assert lock.unlocked_bases == ("debian:bookworm", "ubuntu:jammy")
    assert lock.bases["debian12"].pinned == "debian:bookworm"
    update_lock(open_project(project.root), "bases/debian12", silent, Invented())
    assert open_project(project.root).lock.unlocked_bases == ("ubuntu:jammy",)


def test_digests_of_platforms_and_commits_of_sources_are_written_and_read_back(tmp_path: Path) -> None:
    platforms = (("linux/amd64", DIGEST), ("linux/arm64", "sha256:" + "cd" * 32))
    wanted = "https://example.org/inference.git v6.1"
    lock = lock_of(
        {
            Demand("bases", "debian12", "debian:bookworm"): BasePin("debian:bookworm", DIGEST, platforms),
            Demand("sources", "inference", wanted): SourcePin(wanted, "ab" * 20),
        }
    )
    path = tmp_path / "matrix.lock"
    path.write_text(write_lock(lock), encoding="utf-8")
    again = load_lock(path)
    assert again == lock
    assert again.bases["debian12"].platforms == platforms
    assert (again.sources["inference"].repository, again.sources["inference"].commit) == (
        "https://example.org/inference.git",
        "ab" * 20,
    )


def test_a_binary_lock_is_refused(project: Project) -> None:
    (project.root / "matrix.lock").write_bytes(bytes(range(256)))
    with pytest.raises(UsageError, match="UTF-8"):
        _ = project.lock


def test_a_current_lock_asks_nobody_and_is_not_written(project: Project) -> None:
    (project.root / "matrix.lock").unlink()
    update_lock(project, "", silent, Invented())
    path = project.root / "matrix.lock"
    before = path.stat()
    invented = Invented()
    assert update_lock(reopened(project), "", silent, invented) == ()
    assert invented.asked == ["weights/bert"]  # what a recipe declares is read off the checkout
    assert (path.stat().st_mtime_ns, path.stat().st_ino) == (before.st_mtime_ns, before.st_ino)


def test_only_what_is_missing_is_asked_for_and_what_is_idle_is_dropped(project: Project) -> None:
    (project.root / "matrix.lock").unlink()
    update_lock(project, "", silent, Invented())
    changed = reopened(
        project, lambda text: text.replace("image: ubuntu\n    tag: jammy", "image: ubuntu\n    tag: noble")
    )
    changed = reopened(
        changed, lambda text: text.replace('pypi: tvm, version: "1.0"', 'pypi: tvm, version: "1.1"')
    )
    invented = Invented(letter="b")
    changes = dict(update_lock(changed, "", silent, invented))
    assert sorted(invented.asked) == [
        "bases/ubuntu22.04",
        "packages/pypi tvm 1.1 x86_64",
        "weights/bert",
    ]
    assert changes["packages/pypi tvm 1.0 x86_64"] == "no longer wanted, dropped"
    assert changes["packages/pypi tvm 1.1 x86_64"].startswith("pinned to pypi-tvm-1.1-x86_64.whl sha256 bbbb")
    assert (
        changes["bases/ubuntu22.04"]
        == f"was ubuntu:jammy sha256:{'a' * 64}, now ubuntu:noble sha256:{'b' * 64}"
    )
    require_current(open_project(project.root).lock, changed.demands, "matrix.lock")


def test_a_glob_pins_anew_and_tells_the_difference(project: Project) -> None:
    (project.root / "matrix.lock").unlink()
    update_lock(project, "", silent, Invented())
    invented = Invented(letter="c")
    changes = update_lock(reopened(project), "packages/pypi t*", silent, invented)
    pinned = [entry for entry in invented.asked if entry != "weights/bert"]
    assert pinned == [entry for entry, _ in changes]
    assert len(pinned) == 3
    assert all(
        "was " in change and f"now {entry.partition('/')[2].replace(' ', '-')}" in change
        for entry, change in changes
    )


def test_a_glob_that_fits_no_entry_is_told(project: Project) -> None:
    with pytest.raises(NothingSelected, match=r'no entry fits "packages/nope\*"'):
        update_lock(project, "packages/nope*", silent, Invented())


def test_what_cannot_be_pinned_is_named_and_the_rest_is_written(tmp_path: Path) -> None:
    project = make_project(tmp_path, lock=False)
    with pytest.raises(Stale) as caught:
        update_lock(project, "", silent, Invented(without=("ubuntu22.04", "mobilenet")))
    assert caught.value.problem.startswith(f"2 of {len(project.demands)} entries could not be pinned")
    assert caught.value.found is not None
    assert "bases/ubuntu22.04: nobody answers (no network)" in caught.value.found
    assert "weights/mobilenet: nobody answers" in caught.value.found
    with pytest.raises(Stale, match="does not belong to the matrix"):
        _ = open_project(tmp_path).lock
    invented = Invented()
    update_lock(open_project(tmp_path), "", silent, invented)
    assert sorted(invented.asked) == ["bases/ubuntu22.04", "weights/bert", "weights/mobilenet"]
    assert open_project(tmp_path).lock.bases["ubuntu22.04"].reference == "ubuntu:jammy"


def test_an_entry_that_cannot_be_pinned_anew_keeps_its_pin(project: Project) -> None:
    (project.root / "matrix.lock").unlink()
    update_lock(project, "", silent, Invented())
    with pytest.raises(Stale):
        update_lock(reopened(project), "bases/*", silent, Invented(without=("debian12",), letter="d"))
    bases = open_project(project.root).lock.bases
    assert bases["debian12"].digest == f"sha256:{'a' * 64}"
    assert bases["ubuntu22.04"].digest == f"sha256:{'d' * 64}"


def test_weights_whose_address_does_not_answer_keep_their_sha256(project: Project) -> None:
    (project.root / "matrix.lock").unlink()
    update_lock(project, "", silent, Invented())
    assert update_lock(reopened(project), "weights/mobilenet", silent, lambda demand: None) == ()
    assert open_project(project.root).lock.weights["mobilenet"] == "a" * 64


def test_weights_with_another_md5_are_refused_with_both_sums(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project.root / "matrix.lock").unlink()
    update_lock(project, "", silent, Invented())
    answering(monkeypatch)
    changed = reopened(
        project, lambda text: text.replace("org/mobilenet.onnx}", f"org/mobilenet.onnx, md5: {'f' * 32}}}")
    )
    with pytest.raises(Stale) as caught:
        update_lock(changed, "weights/mobilenet", silent)
    assert caught.value.found is not None
    assert f"(md5 {MD5}; expected md5 {'f' * 32})" in caught.value.found
    assert open_project(project.root).lock.weights["mobilenet"] == "a" * 64


def test_a_lock_that_cannot_be_written_is_told_and_left_alone(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (project.root / "matrix.lock").read_bytes()

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(UsageError) as caught:
        update_lock(project, "bases/*", silent, Invented())
    assert caught.value.found == "No space left on device"
    assert (project.root / "matrix.lock").read_bytes() == before
    assert [path.name for path in project.root.glob("*.partial")] == []


def made_by(recipe: str) -> Weights:
    return Weights("x.onnx", None, recipe, None)


def test_recipes_declare_what_every_machine_makes() -> None:
    assert (
        declared_result(CHECKOUT, made_by("efficientnet_lite"))
        == open_project(CHECKOUT).lock.weights["efficientnet-lite0"]
    )
    assert declared_result(CHECKOUT, made_by("fashion_net")) is None


@pytest.mark.parametrize("value", ['"abc"', "None", "1 + 1"])
def test_a_declaration_that_is_no_checksum_is_refused(tmp_path: Path, value: str) -> None:
    (tmp_path / "r.py").write_text(f"import numpy\n\nRESULT_SHA256 = {value}\n", encoding="utf-8")
    (tmp_path / "r.requirements.txt").touch()
    with pytest.raises(UsageError) as caught:
        declared_result(tmp_path, made_by("r.py"))
    assert caught.value.where == "r.py:3"


@pytest.mark.parametrize("text", [b"def recipe(:\n", b"# \xff\n", b"\0"])
def test_a_recipe_that_is_not_python_is_told(tmp_path: Path, text: bytes) -> None:
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.py").write_bytes(text)
    with pytest.raises(UsageError, match=r"recipes/mine\.py.*is not Python"):
        declared_result(tmp_path, made_by("recipes/mine.py"))


def test_an_unknown_recipe_is_told_with_those_that_there_are() -> None:
    with pytest.raises(UsageError) as caught:
        declared_result(CHECKOUT, made_by("nope"))
    assert caught.value.expected == "one of blazeface, efficientnet_lite, fashion_net"


def test_a_recipe_of_ones_own_is_asked_for_with_its_packages(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no such recipe") as caught:
        declared_result(tmp_path, made_by("recipes/mine.py"))
    assert "init --sources" in str(caught.value.remedy)
    (tmp_path / "recipes").mkdir()
    (tmp_path / "recipes" / "mine.py").touch()
    with pytest.raises(UsageError, match=r"mine\.requirements\.txt: the recipe has no locked packages"):
        declared_result(tmp_path, made_by("recipes/mine.py"))
    (tmp_path / "recipes" / "mine.requirements.txt").touch()
    assert declared_result(tmp_path, made_by("recipes/mine.py")) is None


def test_each_demand_goes_to_who_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = parse_matrix(TEXT, "matrix.yaml")
    seen: list[tuple[object, ...]] = []

    def record(name: str, answer: object) -> None:
        def asked(*arguments: object) -> object:
            seen.append((name, *arguments))
            return answer

        monkeypatch.setattr(pinning, name, asked)

    record("base_image", BasePin("x:y", DIGEST))
    record("wheel", ("w.whl", "1" * 64))
    record("loadgen_source", ("s.tar.gz", "2" * 64))
    record("debian_package", ("d.deb", "3" * 64))
    record("hash_of_address", "4" * 64)
    pin = Pinning(matrix, silent, CHECKOUT)
    found = {demand: pin(demand) for demand in demands(matrix, LOADGEN)}
    assert checksum(tuple(sorted(found)))
    assert ("wheel", "tflite", "1.0", "cp312 manylinux_2_28_aarch64") in seen
    assert ("debian_package", "libtvm-dev", "1.0-1", "arm64", ("trixie",)) in seen
    assert ("debian_package", "dataset-bert", "1.0-1", None, ("bookworm", "jammy")) in seen
    assert ("loadgen_source", "6.0.17", "v6.1") in seen
    assert ("base_image", "ubuntu:jammy") in seen
    assert ("hash_of_address", "https://example.org/mobilenet.onnx", None) in seen
    assert found[Demand("weights", "bert", "recipe fashion_net")] is None


class Answer(BytesIO):
    """What urlopen gives: a body, and the length that the server announced."""

    def __init__(self, body: bytes, length: int) -> None:
        super().__init__(body)
        self.headers = {"Content-Length": str(length)}


BODY = b"weights"
MD5 = hashlib.md5(BODY, usedforsecurity=False).hexdigest()


def answering(monkeypatch: pytest.MonkeyPatch, length: int = len(BODY)) -> None:
    monkeypatch.setattr("urllib.request.urlopen", lambda *arguments, **options: Answer(BODY, length))


def test_what_lies_at_an_address_is_hashed(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)
    assert pinning.hash_of_address("https://example.org/w", MD5) == hashlib.sha256(BODY).hexdigest()


def test_another_md5_than_the_matrix_names_is_refused_with_both(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch)
    with pytest.raises(UsageError, match="checksum mismatch") as caught:
        pinning.hash_of_address("https://example.org/w", "0" * 32)
    assert (caught.value.found, caught.value.expected) == (f"md5 {MD5}", f"md5 {'0' * 32}")


def test_a_download_that_was_cut_off_is_no_pin(monkeypatch: pytest.MonkeyPatch) -> None:
    answering(monkeypatch, length=1000)
    with pytest.raises(Unreachable) as caught:
        pinning.hash_of_address("https://example.org/w")
    assert caught.value.found == "the connection was cut off after 7 of 1,000 bytes"


@pytest.mark.parametrize("md5", [None, "f" * 32])
def test_an_md5_stands_in_where_the_address_cannot_be_reached(
    monkeypatch: pytest.MonkeyPatch, md5: str | None
) -> None:
    def unreachable(*arguments: object, **options: object) -> object:
        raise OSError(-2, "Name or service not known")

    monkeypatch.setattr("urllib.request.urlopen", unreachable)
    with_md5 = f"mobilenet.onnx, md5: {md5}}}" if md5 else "mobilenet.onnx}"
    matrix = parse_matrix(
        TEXT.replace("org/mobilenet.onnx}", f"org/{with_md5}")
        .replace(": 00000", ': "00000')
        .replace("000}", '000"}'),
        "matrix.yaml",
    )
    demand = Demand("weights", "mobilenet", "https://example.org/mobilenet.onnx")
    if md5:
        assert Pinning(matrix, silent, CHECKOUT)(demand) is None
    else:
        with pytest.raises(UsageError, match="the weights could not be fetched"):
            Pinning(matrix, silent, CHECKOUT)(demand)


@pytest.mark.parametrize(
    ("complaint", "kind", "said"),
    [
        ("ERROR: docker.io/library/debian:gone: not found", UsageError, "no such base image"),
        ("ERROR: nvcr.io/x/y:1: unexpected status from HEAD request: 401 Unauthorized", UsageError, "to you"),
        (
            'ERROR: failed to do request: Head "https://x": dial tcp: lookup x: no such host',
            Unreachable,
            "reached",
        ),
    ],
)
def test_a_tag_that_vanished_is_told_apart_from_a_hub_that_is_silent(
    monkeypatch: pytest.MonkeyPatch, complaint: str, kind: type[UsageError], said: str
) -> None:
    monkeypatch.setattr(hub, "call", lambda argv, timeout: Finished(tuple(argv), 1, "", complaint))
    with pytest.raises(UsageError, match=said) as caught:
        hub.base_image("debian:gone")
    assert type(caught.value) is kind
    assert caught.value.where == "debian:gone"


def test_the_hub_gives_the_digest_of_the_index_and_of_each_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    def listed(architecture: str, letter: str) -> dict[str, object]:
        return {"digest": f"sha256:{letter * 64}", "platform": {"os": "linux", "architecture": architecture}}

    answer = {
        "digest": DIGEST,
        "manifests": [listed("arm64", "2"), listed("amd64", "1"), listed("s390x", "3")],
    }
    monkeypatch.setattr(hub, "call", lambda argv, timeout: Finished(tuple(argv), 0, json.dumps(answer), ""))
    assert hub.base_image("debian:x") == BasePin(
        "debian:x", DIGEST, (("linux/amd64", f"sha256:{'1' * 64}"), ("linux/arm64", f"sha256:{'2' * 64}"))
    )


@pytest.mark.parametrize("answer", ["", "null", "[]", '{"digest": 3}', '{"digest": "sha256:12"}'])
def test_an_answer_of_the_hub_without_a_digest_is_refused(
    monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(hub, "call", lambda argv, timeout: Finished(tuple(argv), 0, answer, ""))
    with pytest.raises(UsageError, match="gave no digest"):
        hub.base_image("debian:x")


def test_a_source_is_pinned_to_the_commit_behind_its_tag(tmp_path: Path) -> None:
    def git(*words: str) -> str:
        identity = ("-c", "user.name=T", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false")
        done = subprocess.run(
            ["git", "-C", str(tmp_path), *identity, *words], capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    git("init", "--quiet")
    git("commit", "--quiet", "--allow-empty", "--message=first")
    git("tag", "--annotate", "v1", "--message=one")
    commit = git("rev-parse", "HEAD")
    assert commit_of(str(tmp_path), "v1") == commit != git("rev-parse", "v1")
    assert commit_of(str(tmp_path / "nowhere"), commit) == commit, "a commit in full is asked of nobody"
    with pytest.raises(UsageError, match='no tag or branch "v2"'):
        commit_of(str(tmp_path), "v2")
    with pytest.raises(Unreachable):
        commit_of(str(tmp_path / "nowhere"), "v1")

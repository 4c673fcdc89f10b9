"""KiTS19's volumes: resampled, normalised, padded; samples of different shapes; the segmentations beside them."""

import gzip
import io
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mlperf_bake.accuracy.measured import Given
from mlperf_bake.accuracy.segmentation import measure
from mlperf_bake.assets.preprocessing import Unreadable
from mlperf_bake.datasets.cases import measured_cases
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.datasets.prepared import PreparedDataset, load_prepared
from mlperf_bake.datasets.truth import truth_of
from mlperf_bake.datasets.volumes import (
    SPACING,
    fitted,
    fitted_shape,
    nearest,
    resampled,
    segmentation_kits19,
    volume_kits19,
)
from mlperf_bake.errors import UsageError
from tests.support.accuracy_logs import write_log

nibabel = pytest.importorskip("nibabel")


def nifti(voxels: np.ndarray, spacing: tuple[float, ...] = SPACING, slope: float = 1) -> bytes:
    image = nibabel.Nifti1Image(voxels, np.diag((*spacing[:3], 1)))
    image.header.set_zooms(spacing)
    content = bytearray(image.to_bytes())
    content[112:116] = np.float32(slope).tobytes()  # scl_slope: nibabel's writer would divide by it
    return gzip.compress(bytes(content), 1)


@pytest.fixture
def kits(tmp_path: Path) -> Path:
    """Three cases; the copy of the second has not been made."""
    root = tmp_path / "kits19"
    for number, name in enumerate(("case_00003", "case_00185", "case_00210")):
        folder = root / "data" / name
        folder.mkdir(parents=True)
        rng = np.random.default_rng(number)
        shape, spacing = (6, 8 + number, 10), (3.2, 1.2, 0.8)
        (folder / "imaging.nii.gz").write_bytes(
            nifti(rng.integers(-1000, 1000, shape).astype(np.int16), spacing)
        )
        (folder / "segmentation.nii.gz").write_bytes(
            nifti(rng.integers(0, 3, shape).astype(np.uint8), spacing)
        )
    return root


def volumes(prepared: PreparedDataset) -> list[np.ndarray]:
    """The samples as docs/contracts.md says that they are read."""
    numbers = np.fromfile(prepared.path / "index.bin", "<u8").astype(int)
    offsets, extents = numbers[: prepared.count + 1] // 4, numbers[prepared.count + 1 :].reshape(-1, 3)
    values = np.fromfile(prepared.path / "samples.bin", "<f4")
    return [
        values[start:end].reshape(1, *shape)
        for start, end, shape in zip(offsets, offsets[1:], extents, strict=False)
    ]


def test_cases_lie_one_behind_the_other_with_their_shapes(kits: Path, tmp_path: Path) -> None:
    prepared = prepare("kits19", "volume-kits19", tmp_path / "out", source=kits)
    assert load_prepared(tmp_path / "out") == prepared
    assert (prepared.count, prepared.shape, prepared.demonstration) == (3, (1, 0, 0, 0), True)
    found = volumes(prepared)
    for volume, name in zip(found, ("case_00003", "case_00185", "case_00185"), strict=True):
        raw = (kits / "data" / name / "imaging.nii.gz").read_bytes()
        assert np.array_equal(volume, volume_kits19(raw))
    assert np.array_equal(found[1], found[2])  # case_00400 is case_00185 once more


def test_the_truth_fits_the_samples_and_is_measured(kits: Path, tmp_path: Path) -> None:
    prepare("kits19", "volume-kits19", tmp_path / "out", source=kits)
    truth = truth_of(tmp_path / "out")
    names = json.loads((truth / "inference_cases.json").read_text())
    assert names == ["case_00003", "case_00185", "case_00400"]
    classes = [np.load(truth / name / "segmentation.npy") for name in names]
    log = write_log(tmp_path, [one.tobytes() for one in classes])
    assert measure(log, Given(truth=truth)).figures["DICE"] == pytest.approx(1)


def test_calibration_takes_the_listed_cases(kits: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "calibration_cases.txt"
    chosen.write_text("case_00210\ncase_00003")
    prepared = prepare("kits19", "volume-kits19", tmp_path / "out", source=kits, only=chosen)
    assert (prepared.count, prepared.demonstration) == (2, True)
    assert "the 2 of calibration_cases.txt" in prepared.source


def test_a_voxel_is_clipped_less_the_mean_by_the_deviation() -> None:
    voxels = np.zeros((128, 128, 128), np.int16)
    voxels[0, 0, :3] = (-2000, 101, 2000)
    values = volume_kits19(nifti(voxels))
    assert values.shape == (1, 128, 128, 128)
    expected = [(value - 101) / 76.9 for value in (-79, 101, 304, 0)]
    assert values[0, 0, 0, :4].tolist() == pytest.approx(expected, abs=1e-6)


def test_voxels_are_scaled_as_the_header_says() -> None:
    plain = volume_kits19(nifti(np.full((4, 4, 4), 60, np.int16)))
    scaled = volume_kits19(nifti(np.full((4, 4, 4), 30, np.int16), slope=2))
    assert np.array_equal(plain, scaled)


def test_resampling_lies_on_the_line_between_two_voxels() -> None:
    ramp = np.arange(5, dtype=np.float32)[:, None, None] * np.ones((5, 3, 3), np.float32)
    found = resampled(ramp, (3.2, 1.2, 1.2))
    assert found.shape == (10, 3, 3)  # 5 x 3.2 / 1.6
    inside = found[:-1, 0, 0]  # the last lies on the edge, or by a rounding error beyond it
    assert inside.tolist() == pytest.approx([4 / 9 * place for place in range(9)], abs=1e-6)
    assert found[-1, 0, 0] in (4, 0)


def test_a_class_is_never_mixed() -> None:
    classes = np.random.default_rng(0).integers(0, 3, (7, 9, 11)).astype(np.uint8)
    found = nearest(classes, (2.5, 0.7, 0.9))
    assert set(np.unique(found)) <= {0, 1, 2}
    assert found.shape == (round(7 * 2.5 / 1.6), round(9 * 0.7 / 1.2), round(11 * 0.9 / 1.2))


@pytest.mark.parametrize(
    ("side", "becomes"), [(1, 128), (128, 128), (150, 128), (159, 128), (160, 192), (192, 192), (223, 192)]
)
def test_sides_become_multiples_of_half_a_window(side: int, becomes: int) -> None:
    assert fitted(np.zeros((side, 128, 128), np.float32), -2.2).shape == (becomes, 128, 128)
    assert fitted_shape((side, 128, 128), SPACING) == (becomes, 128, 128)


def test_what_is_padded_has_the_value_of_air() -> None:
    padded = fitted(np.ones((170, 128, 128), np.float32), -2.2)
    assert padded.shape[0] == 192
    assert (padded[:11] == np.float32(-2.2)).all()
    assert (padded[11:181] == 1).all()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "."),
        (b"no volume", "."),
        (gzip.compress(b"no volume"), "."),
        (gzip.compress(bytes(400)), "."),
        (nifti(np.zeros((3, 3, 3), np.int16))[:-9], "."),
        (nifti(np.zeros((3, 3, 3, 2), np.int16), (1, 1, 1, 1)), "three dimensions"),
        (nifti(np.zeros((3, 3, 3), np.complex64)), "complex64"),
    ],
    ids=["empty", "text", "packed text", "zeros", "cut off", "four dimensions", "complex"],
)
def test_what_is_no_volume_is_unreadable(raw: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        volume_kits19(raw)


def test_a_case_without_its_image_says_who_fetches_it(kits: Path, tmp_path: Path) -> None:
    (kits / "data" / "case_00185" / "imaging.nii.gz").unlink()
    with pytest.raises(UsageError, match="a case lacks a file") as raised:
        prepare("kits19", "volume-kits19", tmp_path / "out", source=kits)
    assert "get_imaging" in str(raised.value.remedy)


def test_a_damaged_image_is_named_before_anything_is_prepared(kits: Path, tmp_path: Path) -> None:
    file = kits / "data" / "case_00185" / "imaging.nii.gz"
    file.write_bytes(b"\x1f\x8bbroken")
    with pytest.raises(UsageError, match="the volume cannot be read") as raised:
        prepare("kits19", "volume-kits19", tmp_path / "out", source=kits)
    assert raised.value.where == str(file)
    assert not (tmp_path / "out").exists()


def test_a_damaged_segmentation_is_named(kits: Path, tmp_path: Path) -> None:
    file = kits / "data" / "case_00003" / "segmentation.nii.gz"
    file.write_bytes(file.read_bytes()[:-40])
    with pytest.raises(UsageError, match="the segmentation cannot be read") as raised:
        prepare("kits19", "volume-kits19", tmp_path / "out", source=kits)
    assert raised.value.where == str(file)


def test_another_directory_says_what_it_should_hold(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="none of the cases is there"):
        prepare("kits19", "volume-kits19", tmp_path / "out", source=tmp_path / "empty")


@pytest.mark.parametrize("text", ["", "case_00001\ncase_00001", "../case", "case_09999"])
def test_a_list_that_names_no_cases_is_refused(kits: Path, tmp_path: Path, text: str) -> None:
    chosen = tmp_path / "list.txt"
    chosen.write_text(text)
    with pytest.raises(UsageError):
        prepare("kits19", "volume-kits19", tmp_path / "out", source=kits, only=chosen)


def test_the_measured_cases_are_43() -> None:
    names = measured_cases("kits19-cases.txt")
    assert (len(names), len(set(names)), names[0], names[-1]) == (43, 43, "case_00000", "case_00400")


def test_a_killed_preparation_of_volumes_goes_on_where_it_stopped(kits: Path, tmp_path: Path) -> None:
    whole = prepare("kits19", "volume-kits19", tmp_path / "whole", source=kits)
    script = (
        "import os, signal, sys; from pathlib import Path\n"
        "from mlperf_bake.datasets import batches, prepare as module, row_files\n"
        "row_files.RECORDED_EVERY = batches.BATCH = 1\n"
        "def tell(step, done, total):\n"
        "    if done >= 2 and 'preparing kits19' in step: os.kill(os.getpid(), signal.SIGKILL)\n"
        "module.prepare('kits19', 'volume-kits19', Path(sys.argv[1]), source=Path(sys.argv[2]), progress=tell)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out"), str(kits)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    begun: list[int] = []

    def tell(step: str, done: int, total: int | None) -> None:
        if step == "preparing kits19":
            begun.append(done)

    resumed = prepare("kits19", "volume-kits19", tmp_path / "out", source=kits, progress=tell)
    assert begun[0] == 2
    for name in ("samples.bin", "index.bin"):
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert resumed.samples_sha256 == whole.samples_sha256
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "dataset.conf",
        "index.bin",
        "samples.bin",
        "truth",
    ]


def test_a_killed_preparation_leaves_no_processes(kits: Path, tmp_path: Path) -> None:
    script = (
        "import os, signal, sys; from multiprocessing import active_children; from pathlib import Path\n"
        "from mlperf_bake.datasets import batches, prepare as module\n"
        "batches.BATCH = 1\n"
        "def tell(step, done, total):\n"
        "    if done and 'preparing kits19' in step:\n"
        "        print(*(child.pid for child in active_children()), flush=True)\n"
        "        os.kill(os.getpid(), signal.SIGKILL)\n"
        "if __name__ == '__main__':\n"
        "    module.prepare('kits19', 'volume-kits19', Path(sys.argv[1]), source=Path(sys.argv[2]), progress=tell, workers=2)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path / "out"), str(kits)]
    killed = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True, timeout=60)
    assert killed.returncode == -signal.SIGKILL
    children = killed.stdout.split()
    assert len(children) == 2
    deadline = time.monotonic() + 20
    while any(map(_lives, children)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(_lives, children))


def _lives(process: str) -> bool:
    try:
        state = Path("/proc", process, "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_processes_do_not_change_the_bytes(kits: Path, tmp_path: Path) -> None:
    one = prepare("kits19", "volume-kits19", tmp_path / "one", source=kits, workers=1)
    two = prepare("kits19", "volume-kits19", tmp_path / "two", source=kits, workers=2)
    assert (one.samples_sha256, one.index_sha256) == (two.samples_sha256, two.index_sha256)


def test_a_segmentation_of_the_target_spacing_is_only_padded() -> None:
    classes = np.zeros((128, 128, 130), np.uint8)
    classes[5, 5, 1] = 2
    stream = io.BytesIO(nifti(classes))
    found = segmentation_kits19(stream.getvalue())
    assert found.shape == (128, 128, 128)
    assert found[5, 5, 0] == 2

"""Which accelerators a machine shows: by trees of device files as such machines have them."""

from pathlib import Path

import pytest

from mlperf_bake.engine.accelerators import TOOLKIT, Accelerator, accelerators


@pytest.fixture(autouse=True)
def _no_hook(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: None)


def with_files(root: Path, *files: str) -> Path:
    for file in files:
        path, _, text = file.partition("=")
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="ascii")
    return root


def test_a_machine_without_any_has_none(tmp_path: Path) -> None:
    assert accelerators(with_files(tmp_path, "dev/null")) == ()


def test_nvidias_need_the_toolkit(tmp_path: Path) -> None:
    root = with_files(tmp_path, "dev/nvidia0", "dev/nvidia1", "dev/nvidiactl")
    assert accelerators(root) == (
        Accelerator("cuda", "2 NVIDIA GPUs, but no container toolkit", False, TOOLKIT),
    )


def test_the_toolkit_is_known_by_its_description_in_cdis_form(tmp_path: Path) -> None:
    root = with_files(tmp_path, "dev/nvidia0", "etc/cdi/nvidia.yaml")
    assert accelerators(root) == (
        Accelerator("cuda", "1 NVIDIA GPU, given to containers by /etc/cdi/nvidia.yaml"),
    )


def test_the_toolkit_is_known_by_its_hook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name, path: f"/usr/bin/{name}")
    (only,) = accelerators(with_files(tmp_path, "etc/nv_tegra_release"))
    assert (only.hardware, only.reachable) == ("l4t", True)
    assert only.found == "Jetson, given to containers by nvidia-container-runtime-hook"


@pytest.mark.parametrize(
    ("files", "hardware"),
    [
        (("dev/kfd",), "rocm"),
        (("dev/apex_0",), "coral"),
        (("sys/bus/usb/devices/1-2/idVendor=18d1", "sys/bus/usb/devices/1-2/idProduct=9302\n"), "coral"),
        (("sys/bus/usb/devices/1-2/idVendor=18d1", "sys/bus/usb/devices/1-2/idProduct=0001\n"), ""),
    ],
)
def test_others_are_device_files(tmp_path: Path, files: tuple[str, ...], hardware: str) -> None:
    assert [one.hardware for one in accelerators(with_files(tmp_path, *files))] == [hardware] * bool(hardware)

"""A C++ toolchain for tests and benchmarks: found, or installed where this is a Debian or Ubuntu machine and we are root."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

TOOLS = {"cmake": "cmake", "g++": "g++", "make": "make"}
"""Package to the program it brings."""
FILES = {
    "doctest-dev": "include/doctest/doctest.h",
    "libpython3-dev": "include/python3*/Python.h",
    "python3-numpy": "lib/python3/dist-packages/numpy/__init__.py",
}
"""Package to a file below /usr that it brings."""


def missing_packages() -> list[str]:
    """The distribution packages that a C++ build here lacks."""
    missing = [package for package, tool in TOOLS.items() if not shutil.which(tool)]
    return missing + [package for package, file in FILES.items() if not any(Path("/usr").glob(file))]


def ensure_toolchain(say: Callable[[str], None]) -> None:
    """Installs what is missing, saying so first.

    Raises:
        RuntimeError: it cannot be installed from here; the sentence names the packages.
    """
    missing = missing_packages()
    if not missing:
        return
    packages = " ".join(missing)
    if os.geteuid() or not shutil.which("apt-get"):
        raise RuntimeError(f"a C++ build here needs the packages {packages}; install them and try again")
    say(f"installing {packages}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    subprocess.run(["apt-get", "update", "-q"], check=True, env=environment)
    subprocess.run(
        ["apt-get", "install", "-y", "-q", "--no-install-recommends", "--no-remove", *missing],
        check=True,
        env=environment,
    )

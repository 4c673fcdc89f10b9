"""A C++ toolchain for tests and benchmarks: found, or installed where this is a Debian or Ubuntu machine and we are root."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

TOOLS = {"cmake": "cmake", "g++": "g++", "make": "make"}
"""Package to the program it brings."""
HEADERS = {"doctest-dev": Path("/usr/include/doctest/doctest.h")}


def missing_packages() -> list[str]:
    """The distribution packages that a C++ build here lacks."""
    missing = [package for package, tool in TOOLS.items() if not shutil.which(tool)]
    return missing + [package for package, header in HEADERS.items() if not header.exists()]


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

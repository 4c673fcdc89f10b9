"""Facts of the machine, read where Linux shows them; None where it does not."""

from __future__ import annotations

import os
import platform
from pathlib import Path
from typing import Any


def facts() -> dict[str, Any]:
    """The manifest's ``host``."""
    cpu = _fields(Path("/proc/cpuinfo"), ":")
    memory = _fields(Path("/proc/meminfo"), ":").get("MemTotal", "").split()
    return {
        "cpu_model": cpu.get("model name"),
        "cpu_vendor": cpu.get("vendor_id"),
        "logical_cpus": os.cpu_count(),
        "usable_cpus": len(os.sched_getaffinity(0)),
        "sockets": None,
        "physical_cores": None,
        "memory_bytes": int(memory[0]) * 1024 if memory else None,
        "memory_limit_bytes": None,
        "kernel": platform.release(),
        "os": _fields(Path("/etc/os-release"), "=").get("PRETTY_NAME", "").strip('"') or None,
        "architecture": platform.machine(),
        "accelerators": [],
    }


def _fields(path: Path, separator: str) -> dict[str, str]:
    """The first value of each name in a file of lines ``name : value``."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return {}
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, mark, value = line.partition(separator)
        if mark:
            found.setdefault(name.strip(), value.strip())
    return found

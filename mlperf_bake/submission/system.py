"""The system description: what the manifests know, what the user gives, and a list of what nobody has said
yet.

``systems/<system>.json`` has 35 keys. A value is detected (from the manifests of the runs) or given
(``--system-file``); the rest stays empty, so that no checker takes it for an answer, and is listed. Nothing
is invented. The same file may give the values of measurements.json that no run can know.
"""

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from mlperf_bake.errors import UsageError
from mlperf_bake.results import strict_json
from mlperf_bake.results.manifest import Host, Manifest
from mlperf_bake.results.said import read_said
from mlperf_bake.rounds import Round

NOT_APPLICABLE: Final = "N/A"
_FORMATS: Final = {"float32": "fp32", "float16": "fp16", "uint8": "uint8", "int8": "int8"}
_MEANING: Final = {
    "status": "available, preview or rdi",
    "system_type": "edge, datacenter or datacenter,edge",
    "host_processor_core_count": "cores of one processor",
    "host_memory_configuration": "modules and their speed, like 8x 32GB DDR5-4800",
    "host_storage_capacity": "like 1 TB",
    "host_storage_type": "like NVMe SSD",
    "host_networking": "like Gigabit Ethernet, or N/A",
    "host_networking_topology": "or N/A",
    "host_network_card_count": "like 1x 10GbE",
    "cooling": "like air or water",
    "host_processor_model_name": "like AMD EPYC 9654",
    "host_processors_per_node": "like 2",
    "host_memory_capacity": "like 512 GB",
    "number_of_nodes": "like 1",
    "accelerators_per_node": "like 8, or 0",
    "accelerator_model_name": "like NVIDIA H100, or N/A",
    "accelerator_memory_capacity": "like 80 GB, or N/A",
    "accelerator_host_interconnect": "like PCIe Gen5 x16, or N/A",
    "accelerator_memory_configuration": "like HBM3, or N/A",
    "accelerator_interconnect": "like NVLink, or N/A",
    "framework": "like ONNX Runtime 1.20",
    "operating_system": "like Ubuntu 24.04",
    "other_software_stack": "drivers and libraries, like CUDA 12.6",
    "system_name": "what the system is called",
    "input_data_types": "like fp32",
    "weight_data_types": "like fp32 or int8",
    "starting_weights_filename": "name or address of the weights the run started from",
    "retraining": "no, or how the model was trained further",
    "weight_transformations": "no, or what was done to the weights",
}


@dataclass(frozen=True, slots=True)
class Described:
    """A file of the tree as keys and values.

    Attributes:
        values: all keys in the order they are written; empty where unknown.
        unknown: keys that must have a value and have none.
    """

    values: Mapping[str, str]
    unknown: tuple[str, ...]


def slug(text: str) -> str:
    """A text as part of a directory's name: lower case, words joined by ``-``."""
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\((r|tm)\)", "", text.lower())).strip("-")


def system_name(manifest: Manifest) -> str:
    """The name of a run's system if the user gives none: accelerator or processor, then the runtime.

    Backend ``python`` is many runtimes, so there the cell's framework stands for it.
    """
    host, backend = manifest.host, manifest.backend
    runtime = manifest.cell.framework if backend.name == "python" else backend.name
    machine = host.accelerators[0] if host.accelerators else host.cpu_model or host.architecture or "unknown"
    return f"{slug(machine)[:80] or 'unknown'}-{slug(runtime)}"


def machine(host: Host) -> tuple[object, ...]:
    """What two runs must have in common to come from one system."""
    return (host.cpu_model, host.sockets, host.logical_cpus, host.architecture, host.accelerators)


def describe_system(
    name: str,
    manifests: Sequence[Manifest],
    rules: Round,
    fixed: Mapping[str, str],
    earlier: Mapping[str, str],
) -> Described:
    """The system description of the runs of one machine.

    Args:
        name: of the system; also its display name unless the user gives one.
        manifests: of its runs, at least one.
        rules: the round, for the keys and for the kinds of system its benchmarks allow.
        fixed: what the user gives, division and submitter included; comes before what is detected.
        earlier: what an earlier description of the same system says; fills what is neither given nor
            detected.
    """
    detected = {"system_name": name, **_detected(manifests), **_system_type(manifests, rules)}
    keys = list(rules.tree.system_keys)
    keys += [key for key in rules.tree.system_network_keys if fixed.get(key) or earlier.get(key)]
    values = {key: fixed.get(key) or detected.get(key) or earlier.get(key) or "" for key in keys}
    unknown = tuple(key for key in rules.tree.system_nonempty_keys if not values[key])
    return Described(values, unknown)


def complete_system(known: Mapping[str, object], rules: Round, fixed: Mapping[str, str]) -> Described:
    """The description of a system whose runs no manifest describes: what others wrote, and what the user gives.

    Args:
        known: the description there is, keys of its own included; they all stay.
        rules, fixed: as above.
    """
    values = {key: _said(value) for key, value in known.items()}
    for key in rules.tree.system_keys:
        values[key] = fixed.get(key) or values.get(key) or ""
    values |= {key: fixed[key] for key in rules.tree.system_network_keys if fixed.get(key)}
    return Described(values, tuple(key for key in rules.tree.system_nonempty_keys if not values[key]))


def _said(value: object) -> str:
    """A value as text; the number 0 is an answer, which the official checker takes for none."""
    return "" if value is None else str(value).strip()


def measurement(given: Mapping[str, str], model: str, key: str) -> str:
    """What the user gives of a key of measurements.json for a model: ``MODEL/KEY``, else ``KEY``; empty if neither."""
    return given.get(f"{model}/{key}") or given.get(key) or ""


def describe_measurements(
    manifest: Manifest,
    rules: Round,
    fixed: Mapping[str, str],
    earlier: Mapping[str, str],
    declared: Mapping[str, str] | None = None,
) -> Described:
    """measurements.json of a result: what was fed in and what was done to the weights.

    Args:
        manifest, rules, fixed, earlier: as above.
        declared: what is declared of the run's weights; comes after what is detected.
    """
    dtype = manifest.dataset.dtype if manifest.dataset else None
    detected = {
        "input_data_types": _FORMATS.get(dtype or "", dtype or ""),
        "starting_weights_filename": manifest.weights.file if manifest.weights else "",
        "weight_data_types": manifest.cell.precision or "",
    }
    keys = rules.tree.measurement_keys
    given = {key: measurement(fixed, manifest.cell.model, key) for key in keys}
    sources = (given, detected, declared or {}, earlier)
    values = {key: next((source[key] for source in sources if source.get(key)), "") for key in keys}
    return Described(values, tuple(key for key in keys if not values[key]))


def _detected(manifests: Sequence[Manifest]) -> dict[str, str]:
    host = manifests[0].host
    values = {
        "number_of_nodes": "1",
        "host_processor_model_name": host.cpu_model,
        "host_processors_per_node": str(host.sockets) if host.sockets else None,
        "host_processor_core_count": _cores(host),
        "host_memory_capacity": f"{host.memory_bytes / 2**30:.1f} GiB" if host.memory_bytes else None,
        "framework": _joined(_named(one.backend.name, one.backend.version) for one in manifests),
        "operating_system": _joined(_operating_system(one.host) for one in manifests),
        "other_software_stack": _joined(map(_stack, manifests)),
        "hw_notes": _usable(host),
        **_accelerators(host),
    }
    return {key: value for key, value in values.items() if value}


def _named(name: str, version: str | None) -> str:
    return f"{name} {version}" if version else name


def _joined(parts: Iterable[str]) -> str:
    """Each different part once, in order."""
    return "; ".join(dict.fromkeys(part for part in parts if part))


def _cores(host: Host) -> str | None:
    if host.physical_cores is None or not host.sockets:
        return None
    return str(host.physical_cores // host.sockets)


def _operating_system(host: Host) -> str:
    kernel = f"Linux {host.kernel}" if host.kernel else ""
    return f"{host.os} in the container, {kernel} on the host" if host.os and kernel else host.os or kernel


def _stack(manifest: Manifest) -> str:
    parts = [f"LoadGen {manifest.loadgen.version}"]
    if manifest.backend.provider:
        parts.append(manifest.backend.provider)
    if manifest.fingerprint:
        parts.append(f"mlperf-bake image {manifest.fingerprint.removeprefix('sha256:')[:12]}")
    return ", ".join(parts)


def _usable(host: Host) -> str | None:
    if host.usable_cpus and host.logical_cpus and host.usable_cpus < host.logical_cpus:
        return f"{host.usable_cpus} of {host.logical_cpus} logical processors were used"
    return None


def _accelerators(host: Host) -> dict[str, str | None]:
    """Keys of the accelerators; the count is text, because the official checker takes the number 0 for empty."""
    if host.accelerators:
        return {
            "accelerators_per_node": str(len(host.accelerators)),
            "accelerator_model_name": _joined(host.accelerators),
        }
    names = (
        "model_name",
        "memory_capacity",
        "frequency",
        "host_interconnect",
        "interconnect",
        "interconnect_topology",
        "memory_configuration",
        "on-chip_memories",
    )
    return {"accelerators_per_node": "0", **{f"accelerator_{name}": NOT_APPLICABLE for name in names}}


def _system_type(manifests: Sequence[Manifest], rules: Round) -> dict[str, str]:
    """The kind of system, where the round's benchmarks leave no choice."""
    kinds: set[str] = {"datacenter", "edge"}
    for manifest in manifests:
        benchmark = rules.models.get(manifest.cell.benchmark or "")
        kinds &= set(benchmark.scenarios) if benchmark else kinds
    return {"system_type": kinds.pop()} if len(kinds) == 1 else {}


def read_system_file(path: Path, rules: Round) -> Mapping[str, str]:
    """Values that the user gives, from a YAML or JSON file of ``key: value`` lines; empty values count as not
    given.

    Raises:
        UsageError: not readable, a key twice, or one that neither a system description nor measurements.json has.
    """
    data = strict_json.read(path) if path.suffix == ".json" else read_said(path, "the system file")
    known = (*rules.tree.system_keys, *rules.tree.system_network_keys, *rules.tree.measurement_keys)
    if not isinstance(data, dict):
        raise UsageError("not a system file", where=str(path), expected="lines of the form key: value")
    values: dict[str, str] = {}
    for key, value in data.items():
        if str(key).rpartition("/")[2] not in (rules.tree.measurement_keys if "/" in str(key) else known):
            near = get_close_matches(str(key), known, 1)
            raise UsageError(
                f'unknown key "{key}"' + (f' (did you mean "{near[0]}"?)' if near else ""),
                where=str(path),
                expected="a key of a system description or of measurements.json, or MODEL/KEY for one model's",
            )
        if isinstance(value, dict | list):
            raise UsageError(f"{key} must be text or a number", where=str(path))
        text = "" if value is None else str(value).strip()
        if text:
            values[str(key)] = text
    return values


def system_file_text(
    name: str, unknown: Sequence[str], known: Mapping[str, str], command: Sequence[str]
) -> str:
    """A file for the user to fill in: the missing keys empty, the others as comments.

    Args:
        command: what to type when it is filled in.
    """
    lines = [
        f"# System {name}: what mlperf-bake could not detect. check's rules system.values (systems/*.json) and",
        "# measurements.values (measurements.json) want it. Fill in what stands after each colon, then",
        f"#   {shlex.join(command)}",
        f"# Not applicable is written {NOT_APPLICABLE}.",
        "",
    ]
    for key in unknown:
        meaning = _MEANING.get(key.rpartition("/")[2])
        lines += ([f"# {meaning}"] if meaning else []) + [f"{key}:"]
    lines += ["", "# Detected; write a line without the # to say otherwise."]
    lines += [f"# {key}: {value}" for key, value in known.items() if value]
    return "\n".join(lines) + "\n"

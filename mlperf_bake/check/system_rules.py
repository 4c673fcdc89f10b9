"""Rules on systems/<system>.json."""

from collections.abc import Iterator
from typing import Final

from mlperf_bake.check.fixes import describe
from mlperf_bake.check.opened import read_yaml
from mlperf_bake.check.power_rules import measured
from mlperf_bake.check.rule import RULES_TEXT, Breach, Severity, Table, official
from mlperf_bake.check.tree import System

SYSTEM: Final[Table[System]] = Table("system")

_COUNTS: Final = ("number_of_nodes", "accelerators_per_node")


@SYSTEM.rule("file", official("checks/system_check.py missing_check"))
def file(system: System) -> Iterator[Breach]:
    """Every system with results is described."""
    description = system.description
    if description.missing:
        yield Breach(
            description.path,
            f"the description of the system {system.name} is missing",
            found="nothing; the official checker ends in a traceback here",
            expected=f"systems/{system.name}.json",
        )
    elif description.error:
        error = description.error
        yield Breach(description.path, error.problem, found=error.found or "", expected=error.expected or "")


@SYSTEM.rule("keys", official("checks/system_check.py required_fields_check"))
def keys(system: System) -> Iterator[Breach]:
    """The description has every key."""
    values = system.description.value
    if values is None:
        return
    tree = system.submitter.tree.rules.tree
    network = tree.system_network_keys if system.text("is_network") else ()
    missing = [key for key in (*tree.system_keys, *network) if key not in values]
    if missing:
        expected = f"all {len((*tree.system_keys, *network))} keys"
        yield Breach(
            system.description.path, "keys are missing", ", ".join(missing), expected, describe(system)
        )


@SYSTEM.rule("values", official("checks/system_check.py required_fields_check"))
def values(system: System) -> Iterator[Breach]:
    """Keys that must say something are not empty; status and system_type have rules of their own."""
    there = system.description.value
    if there is None:
        return
    apart = ("status", "system_type", *_COUNTS)
    must = (key for key in system.submitter.tree.rules.tree.system_nonempty_keys if key not in apart)
    empty_keys = [key for key in must if key in there and not there[key]]
    if empty_keys:
        yield Breach(
            system.description.path,
            "the system is not described in full",
            found=", ".join(empty_keys) + (" is empty" if len(empty_keys) == 1 else " are empty"),
            expected="a value, or N/A where there is none",
            fix=describe(system),
            demonstration=system.demonstration,
        )


@SYSTEM.rule("counts", official("results.py add_result, checks/system_check.py required_fields_check"))
def counts(system: System) -> Iterator[Breach]:
    """Counts are whole numbers written as text, "0" where there is none."""
    there = system.description.value or {}
    for key in _COUNTS:
        if key not in there:
            continue
        value = there[key]
        number = isinstance(value, int) and not isinstance(value, bool)
        if (number and value == 0) or not str(value).isdecimal():
            yield Breach(
                system.description.path,
                f"{key} is not a count that the official checker can read",
                found=repr(value),
                expected='digits as text, "0" for none',
                fix=describe(system),
            )


@SYSTEM.rule("notes", official("results.py add_result"))
def notes(system: System) -> Iterator[Breach]:
    """Notes are text."""
    there = system.description.value or {}
    for key in ("hw_notes", "sw_notes"):
        value = there.get(key)
        if value and not isinstance(value, str):
            yield Breach(
                system.description.path,
                f"{key} is not text",
                found=repr(value)[:80],
                expected="text; the official checker ends in a traceback here",
                fix=describe(system),
            )


@SYSTEM.rule("status", official("checks/system_check.py availability_check"))
def status(system: System) -> Iterator[Breach]:
    """The status says how the system can be had."""
    allowed = system.submitter.tree.rules.tree.availabilities
    if system.description.value is not None and system.text("status") not in allowed:
        yield Breach(
            system.description.path,
            "the status is none that MLPerf knows",
            found=repr(system.text("status")),
            expected="one of " + ", ".join(allowed),
            fix=describe(system),
            demonstration=system.demonstration and not system.text("status"),
        )


@SYSTEM.rule("type", official("checks/system_check.py system_type_check"))
def system_type(system: System) -> Iterator[Breach]:
    """The kind of system is one that MLPerf knows."""
    if system.description.value is None:
        return
    value = system.description.value.get("system_type")
    if value not in system.submitter.tree.rules.tree.system_types:
        yield Breach(
            system.description.path,
            "system_type is none that MLPerf knows",
            found=repr(value),
            expected="one of " + "; ".join(system.submitter.tree.rules.tree.system_types),
            fix=describe(system),
            demonstration=system.demonstration and not value,
        )


@SYSTEM.rule("owner", official("checks/system_check.py submitter_check, division_check"))
def owner(system: System) -> Iterator[Breach]:
    """Submitter and division are those of the directories."""
    if system.description.value is None:
        return
    pairs = (("submitter", system.submitter.name), ("division", system.submitter.division))
    for key, directory in pairs:
        said = str(system.description.value.get(key) or "")
        if said.lower() != directory.lower():
            yield Breach(
                system.description.path,
                f"{key} is not that of the directory",
                found=repr(said),
                expected=repr(directory),
            )


@SYSTEM.rule("network", official("checks/system_check.py network_check"))
def network(system: System) -> Iterator[Breach]:
    """Systems reached over a network are in the network division, others are not."""
    division = system.submitter.division
    if system.description.value is None:
        return
    said = system.description.value.get("is_network")
    if said is not None and not isinstance(said, str):
        yield Breach(
            system.description.path,
            "is_network is not text",
            found=repr(said),
            expected='"true" or "false"',
            fix=describe(system),
        )
        return
    if division == "open":
        return
    if system.network != (division == "network"):
        yield Breach(
            system.description.path,
            "is_network does not suit the division",
            found=f"is_network {system.text('is_network') or 'not set'} in {division}/",
            expected="true in network/, false or nothing in closed/",
        )


@SYSTEM.rule("nameplate", official("checks/system_check.py nameplate_power_check"))
def nameplate(system: System) -> Iterator[Breach]:
    """A system whose power was measured says how much its power supplies can give."""
    if not any(measured(result) for model in system.models for result in model.results):
        return
    path = system.submitter.path / "systems" / f"{system.name}_power.yaml"
    plate = system.submitter.tree.read(path, read_yaml)
    if plate.error:
        yield Breach(path, plate.error.problem, plate.error.found or "", "the capacity of each power supply")
    elif plate.missing and not system.text("system_power_capacity"):
        yield Breach(
            path,
            "nobody says how much the system's power supplies can give",
            expected="this file, or system_power_capacity in the description (from v6.1)",
            severity=Severity.NOTE,
        )


@SYSTEM.rule("empty", RULES_TEXT)
def empty(system: System) -> Iterator[Breach]:
    """A system's directory holds results."""
    if not system.models:
        yield Breach(system.path, "the system has no model", expected="results/<system>/<model>/<Scenario>")

"""Rules on user.conf, README.md and the measurements' JSON of a result."""

from collections.abc import Iterator
from typing import Final

from mlperf_bake.check.fixes import describe
from mlperf_bake.check.opened import Opened, read_mapping
from mlperf_bake.check.rule import Breach, Table, official
from mlperf_bake.check.tree import Result

MEASUREMENTS: Final[Table[Result]] = Table("measurements")

_SOURCE: Final = "checks/measurements_checks.py "


def measurements_json(result: Result) -> Opened[dict[str, object]]:
    """The measurements' JSON.

    Where the layout names it after the system, the first that is (loader.py get_measurement_path), so that more may stand between
    the system's name and the scenario's.
    """
    template = result.rules.layout.measurements_json[0]
    usual = result.measurements / template.format(**result.names)
    names = result.inventory.files(result.measurements) if template.startswith("{system}") else ()
    system = result.system.name
    found = next((name for name in names if name.startswith(system) and name.endswith(".json")), usual.name)
    return result.tree.read(result.measurements / found, read_mapping)


@MEASUREMENTS.rule("files", official(_SOURCE + "required_files_check"))
def files(result: Result) -> Iterator[Breach]:
    """user.conf (of LoadGen's runs) and README.md are there and not empty."""
    for name in result.rules.tree.measurement_files:
        if name == "user.conf" and result.through_endpoint:
            continue
        path = result.measurements / name
        if not result.inventory.is_file(path):
            yield Breach(path, f"{name} is missing", expected="a file that is not empty")
        elif result.inventory.size(path) == 0:
            yield Breach(path, f"{name} is empty", found="0 bytes", expected="a file that is not empty")


@MEASUREMENTS.rule("json", official(_SOURCE + "missing_check"))
def json(result: Result) -> Iterator[Breach]:
    """The measurements' JSON is there and is one."""
    file = measurements_json(result)
    if file.missing:
        yield Breach(file.path, f"{file.path.name} is missing", expected="a JSON mapping")
    elif file.error:
        yield Breach(file.path, file.error.problem, found=file.error.found or "")


@MEASUREMENTS.rule("values", official(_SOURCE + "required_fields_check"))
def values(result: Result) -> Iterator[Breach]:
    """Every key of the measurements' JSON is there and says something."""
    file = measurements_json(result)
    if file.value is None:
        return
    silent = [key for key in result.rules.tree.measurement_keys if not file.value.get(key)]
    if silent:
        yield Breach(
            file.path,
            "what was done to weights and inputs is not said in full",
            found=", ".join(silent) + " missing or empty",
            expected="a value for each",
            fix=describe(result.system),
            demonstration=result.demonstration,
        )

"""A submission tree as the rules see it: divisions, submitters, systems, models and results, read once and
lazily.

Nothing here judges. A file that is missing or unreadable is a value (``Opened``) that a rule reports. What
lies where comes from one ``Inventory``; only files are opened, and only those that a rule asks for.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from mlperf_bake.check.inventory import Inventory, take_inventory
from mlperf_bake.check.opened import Opened, open_listed, read_mapping, read_text
from mlperf_bake.results.loadgen_log import DetailLog, SummaryLog, read_detail, read_summary
from mlperf_bake.results.manifest import Manifest, read_manifest
from mlperf_bake.results.run import DETAIL, MANIFEST, SUMMARY
from mlperf_bake.rounds import ModelRules, Round

T = TypeVar("T")

ENDPOINT_SUMMARY = "result_summary.json"
ENDPOINT_ACCURACY = "accuracy_results.json"
"""What mlcommons/endpoints writes of a run, in place of LoadGen's logs."""


@dataclass(frozen=True)
class Tree:
    """The root and the round it is judged by."""

    root: Path
    rules: Round

    @cached_property
    def inventory(self) -> Inventory:
        """What lies in the divisions, and beside them in the root."""
        return take_inventory(self.root, self.rules.tree.divisions)

    def read(self, path: Path, read: Callable[[Path], T]) -> Opened[T]:
        """A file of the tree."""
        return open_listed(self.inventory, path, read)

    @cached_property
    def submitters(self) -> tuple["Submitter", ...]:
        """Every submitter of every division."""
        return tuple(
            Submitter(self, division, path)
            for division in self.rules.tree.divisions
            for path in self.inventory.directories(self.root / division)
        )

    def systems(self) -> Iterator["System"]:
        """Every system with results, anew at each call: what one has read goes when it does."""
        for submitter in self.submitters:
            for path in submitter.system_paths:
                yield System(submitter, path)

    def results(self) -> Iterator["Result"]:
        """Every result, anew at each call."""
        for system in self.systems():
            for model in system.models:
                yield from model.results


@dataclass(frozen=True)
class Submitter:
    """One submitter in one division."""

    tree: Tree
    division: str
    path: Path

    @property
    def name(self) -> str:
        """Name of the directory."""
        return self.path.name

    @property
    def src(self) -> Path:
        """Where the sources belong."""
        return self.place(self.tree.rules.layout.src)

    def place(self, template: str, **names: str) -> Path:
        """A path of the round's layout."""
        return self.tree.root / template.format(division=self.division, submitter=self.name, **names)

    @cached_property
    def mapping(self) -> Opened[dict[str, object]]:
        """model_mapping.json."""
        return self.tree.read(self.path / "model_mapping.json", read_mapping)

    @property
    def system_paths(self) -> tuple[Path, ...]:
        """The directories of the systems that have results."""
        return self.tree.inventory.directories(self.path / "results")


@dataclass(frozen=True)
class System:
    """One system with results."""

    submitter: Submitter
    path: Path

    @property
    def name(self) -> str:
        """Name of the directory."""
        return self.path.name

    @cached_property
    def description(self) -> Opened[dict[str, object]]:
        """systems/<system>.json."""
        path = self.submitter.path / "systems" / f"{self.name}.json"
        return self.submitter.tree.read(path, read_mapping)

    def text(self, key: str) -> str:
        """A value of the description in lower case; empty where there is none."""
        value = (self.description.value or {}).get(key)
        return str(value).lower() if value is not None else ""

    @property
    def network(self) -> bool:
        """Whether the description says that the system is reached over a network."""
        return self.text("is_network") == "true"

    @property
    def kind(self) -> str:
        """The kind of system as rounds name it: ``datacenter-edge`` for both."""
        parts = sorted(part.strip() for part in self.text("system_type").split(","))
        return "-".join(parts)

    @cached_property
    def models(self) -> tuple["Model", ...]:
        """The models that have results."""
        return tuple(Model(self, path) for path in self.submitter.tree.inventory.directories(self.path))

    @property
    def demonstration(self) -> bool:
        """Whether any result of the system is a demonstration."""
        return any(result.demonstration for model in self.models for result in model.results)


@dataclass(frozen=True)
class Model:
    """One model on one system."""

    system: System
    path: Path

    @property
    def name(self) -> str:
        """Name of the directory."""
        return self.path.name

    @cached_property
    def benchmark(self) -> ModelRules | None:
        """The benchmark it stands for in the round."""
        mapping: dict[str, str] = {}
        if self.system.submitter.division == "open":
            raw: Mapping[str, object] = self.system.submitter.mapping.value or {}
            mapping = {key: value for key, value in raw.items() if isinstance(value, str)}
        return self.system.submitter.tree.rules.benchmark_of(self.name, mapping)

    @cached_property
    def results(self) -> tuple["Result", ...]:
        """The results by scenario."""
        inventory = self.system.submitter.tree.inventory
        return tuple(Result(self, path) for path in inventory.directories(self.path))


@dataclass(frozen=True)
class Log:
    """One LoadGen run in the tree: a performance, an accuracy or a compliance run."""

    result: "Result"
    directory: Path
    kind: str

    @cached_property
    def detail(self) -> Opened[DetailLog]:
        """The detail log."""
        return self.result.tree.read(self.directory / DETAIL, read_detail)

    @cached_property
    def summary(self) -> Opened[SummaryLog]:
        """The summary log."""
        return self.result.tree.read(self.directory / SUMMARY, read_summary)

    @cached_property
    def manifest(self) -> Opened[Manifest]:
        """The manifest, where the run was one of ours; one up where the official check allows it no place beside the logs."""
        with_power = self.kind == "performance" and self.result.inventory.is_directory(
            self.directory.parent / "power"
        )
        directory = self.directory.parent if with_power else self.directory
        return self.result.tree.read(directory / MANIFEST, read_manifest)


@dataclass(frozen=True)
class Result:
    """One scenario of one model on one system."""

    model: Model
    path: Path

    @property
    def system(self) -> System:
        """The system it was measured on."""
        return self.model.system

    @property
    def submitter(self) -> Submitter:
        """Whose it is."""
        return self.system.submitter

    @property
    def tree(self) -> Tree:
        """The tree it is in."""
        return self.submitter.tree

    @property
    def inventory(self) -> Inventory:
        """What lies in the tree."""
        return self.tree.inventory

    @property
    def rules(self) -> Round:
        """The round."""
        return self.tree.rules

    @property
    def division(self) -> str:
        """closed, open or network."""
        return self.submitter.division

    @cached_property
    def scenario(self) -> str | None:
        """The scenario of the directory as LoadGen writes it; None for no scenario.

        In the open division ``online`` is Server's name for a result measured through an endpoint.
        """
        names = {name.lower(): name for name in self.rules.tree.scenarios}
        if self.division == "open" and self.through_endpoint:
            names["online"] = "Server"
        return names.get(self.path.name.lower())

    @cached_property
    def through_endpoint(self) -> bool:
        """Whether it was measured through an endpoint: those files are there, and no log of LoadGen."""
        if any(self.inventory.is_file(log.directory / DETAIL) for log in self.runs):
            return False
        files = (self.path / "performance" / ENDPOINT_SUMMARY, self.path / "accuracy" / ENDPOINT_ACCURACY)
        return any(self.inventory.is_file(file) for file in files)

    @cached_property
    def performance(self) -> Log:
        """The performance run."""
        return Log(self, self.path / "performance" / "run_1", "performance")

    @cached_property
    def accuracy(self) -> Log:
        """The accuracy run."""
        return Log(self, self.path / "accuracy", "accuracy")

    @property
    def runs(self) -> tuple[Log, Log]:
        """The performance run and the accuracy run."""
        return self.performance, self.accuracy

    @property
    def names(self) -> dict[str, str]:
        """What the layout's templates fill in."""
        return {"system": self.system.name, "model": self.model.name, "scenario": self.path.name}

    @property
    def measurements(self) -> Path:
        """Where user.conf, README.md and the measurements' JSON belong."""
        return self.submitter.place(self.rules.layout.measurements, **self.names)

    @property
    def compliance(self) -> Path:
        """Where the compliance tests belong."""
        return self.submitter.place(self.rules.layout.compliance, **self.names)

    def compliance_log(self, test: str) -> Log:
        """The performance run of a compliance test; its logs are read once, until ``close_compliance``."""
        if test not in self._compliance_logs:
            directory = self.compliance / test / "performance" / "run_1"
            self._compliance_logs[test] = Log(self, directory, test)
        return self._compliance_logs[test]

    def close_compliance(self) -> None:
        """Lets go of what the compliance tests' logs say, of which a large tree holds much."""
        self._compliance_logs.clear()

    @cached_property
    def _compliance_logs(self) -> dict[str, Log]:
        return {}

    @cached_property
    def accuracy_text(self) -> Opened[str]:
        """accuracy.txt."""
        return self.tree.read(self.path / "accuracy" / "accuracy.txt", read_text)

    @cached_property
    def manifests(self) -> tuple[Manifest, ...]:
        """The manifests of both runs that could be read."""
        found = (self.performance.manifest.value, self.accuracy.manifest.value)
        return tuple(manifest for manifest in found if manifest is not None)

    @cached_property
    def demonstration(self) -> bool:
        """Whether a manifest says so, or shows a sample of the data set, synthetic samples or a short run."""
        least = self.rules.minimum_duration_ms(self.model.benchmark) if self.model.benchmark else 0
        return any(_demonstration(manifest, least) for manifest in self.manifests)


def _demonstration(manifest: Manifest, least_ms: int) -> bool:
    dataset, duration = manifest.dataset, manifest.settings.duration_ms
    return bool(
        manifest.demonstration
        or (dataset and (dataset.synthetic or dataset.count < dataset.official_count))
        or (manifest.mode == "performance" and duration is not None and duration < least_ms)
    )

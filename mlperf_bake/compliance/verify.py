"""Judges a compliance test: by its own module, and by whether its run was made with the test's audit at all."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from mlperf_bake.compliance import test01, test04, test05, test06, test07, test08, test09
from mlperf_bake.compliance.deviations import deviations
from mlperf_bake.compliance.evidence import FILES, Evidence, Verification, text
from mlperf_bake.results.loadgen_log import DetailLog, read_detail
from mlperf_bake.results.run import DETAIL

_VERIFIERS: Final[Mapping[str, Callable[[Evidence], Verification]]] = MappingProxyType(
    {
        "TEST01": test01.verify,
        "TEST04": test04.verify,
        "TEST05": test05.verify,
        "TEST06": test06.verify,
        "TEST07": test07.verify,
        "TEST08": test08.verify,
        "TEST09": test09.verify,
    }
)


def verify(evidence: Evidence) -> Verification:
    """Judges one test.

    Raises:
        UsageError: a run or log that the test needs is missing or cannot be read.
    """
    detail = read_detail(evidence.run / DETAIL)
    unaudited = (*_wrong_settings(evidence, detail), *_wrong_seeds(evidence, detail))
    if not unaudited:
        return _VERIFIERS[evidence.audit.test](evidence)
    kinds = evidence.rules.tree.compliance[evidence.audit.test]
    texts = {FILES[kind]: text("Not verified.", list(unaudited), passed=False) for kind in kinds}
    return Verification(evidence.audit.test, unaudited, texts)


def _wrong_settings(evidence: Evidence, detail: DetailLog) -> Iterator[str]:
    for one in deviations(evidence.audit, detail, evidence.scenario):
        yield f"the run was not made by {evidence.audit.test}'s audit: {one.key} is {one.found}, expected {one.expected}"


def _wrong_seeds(evidence: Evidence, detail: DetailLog) -> Iterator[str]:
    """Seeds that are not the round's for this test; TEST05's own stand in its audit."""
    for name, seed in evidence.rules.seeds.items():
        found = detail.integer(f"effective_{name}")
        if name not in evidence.audit.settings and found != seed:
            yield f"the run was not made with the seeds of {evidence.rules.name}: {name} is {found}, expected {seed}"

"""Builders that are not the engine's own."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.cache import parse_cache
from mlperf_bake.build.elsewhere import require_builder, require_layouts
from mlperf_bake.errors import EngineMissing, UsageError
from tests.unit.test_cli_build import ENGINE

OLD = replace(ENGINE, containerd_store=False)
LAYOUTS = Output(layouts=Path("/layouts"))


@pytest.mark.parametrize("output", [LAYOUTS, Output(cache_to=(parse_cache("type=local,dest=/c"),))])
def test_an_engine_with_the_older_store_is_told_how_to_publish(output: Output) -> None:
    with pytest.raises(EngineMissing, match="cannot write images or caches") as refused:
        require_layouts(OLD, output, "")
    assert "--builder bake" in str(refused.value) and "containerd-snapshotter" in str(refused.value)


def test_another_builder_or_containerds_store_will_do() -> None:
    require_layouts(OLD, LAYOUTS, "bake")
    require_layouts(ENGINE, LAYOUTS, "")
    require_layouts(OLD, Output(cache_from=(parse_cache("type=local,dest=/c"),)), "")


def test_a_builder_that_buildx_does_not_know_is_refused_before_anything_is_built(tmp_path: Path) -> None:
    program = tmp_path / "buildx"
    program.write_text(
        '#!/bin/sh\ncase "$1 $2" in "inspect arm-node") ;; ls*) printf "default\\ndefault\\narm-node\\n";; *) exit 1;; esac\n',
        encoding="utf-8",
    )
    program.chmod(0o755)
    engine = replace(ENGINE, buildx=(str(program),))
    require_builder(engine, "")
    require_builder(engine, "arm-node")
    with pytest.raises(UsageError, match=r'buildx knows no builder arm-nod .*"arm-node"') as refused:
        require_builder(engine, "arm-nod")
    assert refused.value.expected == "arm-node, default"

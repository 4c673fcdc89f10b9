"""The stages of a Dockerfile: their names, what each is made of, and whether it does anything."""

from pathlib import Path

import pytest

from mlperf_bake.render.stages import Stage, own_layers, stages

CHECKOUT = Path(__file__).resolve().parents[2]
TEXT = r"""# FROM nowhere AS comment
FROM debian:12 AS base
FROM --platform=$BUILDPLATFORM base AS toolchain
RUN --mount=type=secret,id=ca \
    --mount=type=bind,source=/x,from=base,target=/x \
    true
COPY <<'EOS' /script
FROM heredoc AS never
COPY --from=never / /
EOS
FROM scratch AS weights
COPY --from=toolchain --chmod=644 /a /b
from weights as other
FROM base
COPY --from=other / /
"""


def test_a_stage_needs_what_it_starts_from_copies_from_and_mounts() -> None:
    assert stages(TEXT) == (
        Stage("base", frozenset(), works=False),
        Stage("toolchain", frozenset({"base"}), works=True),
        Stage("weights", frozenset({"toolchain"}), works=True),
        Stage("other", frozenset({"weights"}), works=False),
    )


@pytest.mark.parametrize(
    "path", sorted((CHECKOUT / "images").glob("*/*/Dockerfile")), ids=lambda path: path.parent.name
)
def test_every_stage_of_a_published_image_but_the_bases_is_used_by_a_later_one(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    found = stages(text)
    assert len(found) >= 8
    last = text[text.rindex("\nFROM ") :]
    used = {needed for stage in found for needed in stage.needs}
    for stage in (one for one in found if one.works):
        assert stage.name in used or f"--from={stage.name} " in last or f"FROM {stage.name}\n" in last, (
            stage.name
        )


LAYERED = r"""FROM debian:12 AS base
FROM base AS tools
RUN one
FROM base AS python
WORKDIR /none
COPY <<'EOS' /script
RUN never
WORKDIR /never
EOS
RUN two \
    and more
ENV A=b
FROM python
COPY --link --from=tools /a /b
USER 65532:65532
WORKDIR /results
"""


def test_an_image_has_a_layer_for_each_step_of_the_stages_that_it_starts_from() -> None:
    assert own_layers(LAYERED) == 3 + 2
    assert own_layers(LAYERED, {"python": "docker-image://x"}) == 2, "a context takes the stage's place"
    assert own_layers(LAYERED.replace("AS tools", "AS last") + "FROM tools AS end\nADD x /\n") == 1
    assert own_layers("FROM scratch\nCOPY a /\n") == 1

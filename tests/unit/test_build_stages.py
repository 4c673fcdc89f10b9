"""The stages of an image that cannot be built: each is tried unless it needs one that failed, and nothing else is."""

from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.stages import build_stages
from mlperf_bake.build.target import BakeCall
from mlperf_bake.errors import BuildFailed, UsageError
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.proof.prove import prove_stages
from mlperf_bake.proof.record import PROOFS, Proof, load_proofs, save_proofs
from tests.support.stand_in_buildx import calls, stand_in_engine

TEXT = """FROM debian AS base
FROM far AS build-base
FROM base AS toolchain
RUN true
FROM build-base AS compiler
RUN true
FROM compiler AS harness
RUN --mount=type=bind,from=toolchain,target=/t true
FROM scratch AS wheels
COPY x /x
FROM scratch AS weights
ADD x /x
FROM base
COPY --from=harness / /
"""
IMAGE = PlannedImage(
    "net",
    (TEXT,),
    "images/net/Dockerfile",
    "linux/amd64",
    "sha256:aa",
    (),
    ("net:aa",),
    (),
    (),
    (("wheels", "/wheels"),),
)
REFUSED = "failed to resolve source metadata for far: no such host"


@pytest.fixture
def call(tmp_path: Path) -> BakeCall:
    """Bake calls of an engine that cannot get the image ``far``."""
    (tmp_path / "compiler.fails").write_text(REFUSED, encoding="utf-8")
    return BakeCall(stand_in_engine(tmp_path), tmp_path, tmp_path / "logs")


def test_what_needs_a_stage_that_failed_is_left_and_the_others_are_built(
    call: BakeCall, tmp_path: Path
) -> None:
    said: list[str] = []
    came = build_stages(IMAGE, call, None, said.append)
    assert (came.built, came.left) == (("toolchain", "weights"), ("compiler", "harness"))
    assert calls(tmp_path) == ["toolchain", "compiler", "weights"], (
        "wheels is given, harness needs the compiler"
    )
    [refusal] = [line for line in said if "compiler" in line]
    assert "the hub does not give a base image" in refusal and "--context base=" in refusal


def test_a_stage_goes_into_the_cache_alone_and_has_a_log_of_its_own(call: BakeCall) -> None:
    build_stages(IMAGE, call, None, lambda _: None)
    asked = (call.logs / "net" / "toolchain.bake.json").read_text(encoding="utf-8")
    assert '"type=cacheonly"' in asked and '"target": "toolchain"' in asked and '"tags"' not in asked
    assert REFUSED in (call.logs / "net" / "compiler.log").read_text(encoding="utf-8")


def test_the_proof_says_which_stages_were_built_and_claims_no_image(call: BakeCall, tmp_path: Path) -> None:
    proof = prove_stages(IMAGE, call, None, lambda _: None, round="v6.1", stand_ins=("reference",)).proof
    assert (proof.state, proof.image, proof.round) == ("rendered", "", "v6.1")
    assert proof.qualified == "rendered, 2 of 4 stages built, reference stood in"
    save_proofs(tmp_path / PROOFS, {"net": proof})
    assert load_proofs(tmp_path / PROOFS) == {"net": proof}


def test_where_nothing_can_be_built_nothing_is_recorded(call: BakeCall, tmp_path: Path) -> None:
    for stage in ("toolchain", "weights"):
        (tmp_path / f"{stage}.fails").write_text(REFUSED, encoding="utf-8")
    with pytest.raises(BuildFailed, match="no stage of it could be built"):
        prove_stages(IMAGE, call, None, lambda _: None, round="v6.1", stand_ins=())


def test_a_stage_without_a_name_of_one_is_told(tmp_path: Path) -> None:
    proof = Proof(
        "rendered", "2026-11-22", "", "sha256:" + "0a" * 32, "EPYC", stages=("a b",), stages_left=("c",)
    )
    save_proofs(tmp_path / PROOFS, {"net": replace(proof, stages=("a",))})
    damaged = (tmp_path / PROOFS).read_text(encoding="utf-8").replace("stages: [a]", "stages: [a b]")
    (tmp_path / PROOFS).write_text(damaged, encoding="utf-8")
    with pytest.raises(UsageError, match="the name of a stage"):
        load_proofs(tmp_path / PROOFS)

"""A bundle made here builds the same images on an engine that has neither a network nor anything else."""

from dataclasses import replace
from pathlib import Path
from uuid import uuid4

import pytest

from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.elsewhere import OWN
from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.build.state import named_images
from mlperf_bake.bundle.make import WantedBase, make_bundle
from mlperf_bake.bundle.record import blob_path, open_bundle
from mlperf_bake.bundle.use import bundled_cache, load_bases
from mlperf_bake.engine.find import Engine, find_engine
from mlperf_bake.engine.secrets import Secret
from mlperf_bake.errors import UsageError
from tests.engine.conftest import PlanOne
from tests.engine.test_build_images import silent
from tests.support.cut_off_engine import cut_off_engine, why_not

FETCHING = """FROM base AS toolchain
RUN --mount=type=secret,id=ticket test -s /run/secrets/ticket && echo fetched > /fetched
FROM toolchain AS harness
COPY source.txt /source.txt
RUN cat /fetched /source.txt > /made
FROM base
COPY --link --from=harness /made /made
"""
"""Its first step can only be done where the bundle is made: elsewhere there is no ticket."""


def test_a_bundle_builds_the_same_image_where_there_is_no_network(
    engine: Engine,
    base: str,
    plan_one: PlanOne,
    options: BuildOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if (
        reason := why_not()
    ):  # asked when the engine is there, which on a bare machine it is not from the start
        pytest.skip(reason)
    if not base.startswith(OWN):
        pytest.skip("the base image is a hub's: a bundle gives it as a layout, tests/unit/test_cli_bundle.py")
    (options.checkout / "source.txt").write_text("source\n", encoding="utf-8")
    # A step of its own each time: of one that BuildKit remembers it may have dropped the files, and export none.
    image = plan_one("bundled", FETCHING.replace("echo fetched", f"echo fetched {uuid4().hex}"))
    reference = base.removeprefix("docker-image://")
    wanted = WantedBase("debian12", engine.platform, reference, locked=False)
    here = replace(options, secrets=lambda: (Secret("ticket", text="t\n"),))
    made = make_bundle(tmp_path / "bundle", [image], [wanted], engine, here, "", silent)
    assert {one.fingerprint for one in made.cells} == {image.fingerprint}

    some = max(made.blobs, key=lambda digest: made.blobs[digest])  # the base image's layer
    blob_path(made.root, some).write_bytes(b"cut")
    with pytest.raises(UsageError, match=r"1 of its \d+ files") as refused:
        open_bundle(made.root)
    assert some.removeprefix("sha256:") in str(refused.value) and "3 of " in str(refused.value)
    again = make_bundle(made.root, [image], [wanted], engine, here, "", silent)
    assert again.blobs.keys() >= {some}, "the same command made only what was damaged anew"

    with cut_off_engine() as host:
        monkeypatch.setenv("DOCKER_HOST", host)
        alone = find_engine()
        bundle = open_bundle(made.root)
        without = build_images([image], alone, options, say=silent)
        assert without.failures, "this engine has nothing and reaches nothing"
        load_bases(bundle, alone, silent)
        still = build_images([image], alone, options, say=silent)
        assert [failure.step.split(" ")[0] for failure in still.failures] == ["toolchain"], "no ticket here"
        output = Output(cache_from=bundled_cache(bundle, tmp_path / "farm"))
        report = build_images([image], alone, replace(options, output=output), say=silent)
        assert not report.failures, report.failures
        log = (options.state / "logs" / f"{image.cell_id}.log").read_text(encoding="utf-8")
        assert "toolchain 1/2: cached" in log and "harness 2/2: cached" in log
        assert image.fingerprint in named_images(alone.host, image.tags)
        (options.checkout / "source.txt").write_text("changed\n", encoding="utf-8")
        changed = replace(
            image, fingerprint="sha256:" + "c" * 64, build_args=(("FINGERPRINT", "sha256:" + "c" * 64),)
        )
        rebuilt = build_images([changed], alone, replace(options, output=output), say=silent)
        assert [failure.step for failure in rebuilt.failures] == [], (
            "what did not change came out of the bundle"
        )


def test_a_bundle_says_where_the_engine_remembers_steps_without_their_files(
    engine: Engine, base: str, plan_one: PlanOne, options: BuildOptions, tmp_path: Path
) -> None:
    mark = uuid4().hex
    (options.checkout / "source.txt").write_text(mark, encoding="utf-8")
    image = plan_one("dropped", FETCHING.replace("echo fetched", f"echo fetched {mark}"))
    here = replace(options, secrets=lambda: (Secret("ticket", text="t\n"),))

    def said_by(directory: str, no_cache: bool = False) -> str:
        said: list[str] = []
        make_bundle(
            tmp_path / directory, [image], [], engine, replace(here, no_cache=no_cache), "", said.append
        )
        return "\n".join(line for line in said if "remembers" in line)

    assert said_by("fresh") == ""
    for _ in range(3):  # a step goes when nothing that was made from it is left
        for part in (mark, "cat /fetched /source.txt", "COPY source.txt /source.txt"):
            drop_steps(engine, part)
    assert "the engine remembers 3 steps without what they made" in said_by("old")
    assert said_by("anew", no_cache=True) == ""


def drop_steps(engine: Engine, part: str) -> None:
    """Drops the steps of these tests whose description holds ``part`` from the engine's build cache."""
    listed = engine.call("buildx", "du", "--verbose").stdout.split("\n\n")
    for record in listed:
        if part in record and ("mount / from exec" in record or "[harness 1/2]" in record):
            step = record.partition("ID:")[2].split()[0]
            engine.call("buildx", "prune", "--force", "--filter", f"id={step}")

"""Builds with a real BuildKit: success, failure, resume, interruption, secrets."""

import json
import signal
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.build.state import named_images
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.secrets import Secret
from tests.engine.conftest import PlanOne
from tests.engine.processes import command_lines, driven

TWO_STAGES = """FROM base AS toolchain
RUN echo "made of ${HOME} and %{dollar}" > /made
FROM base
COPY --from=toolchain /made /made
"""

FAILING = """FROM base AS toolchain
RUN echo ready
FROM toolchain AS harness
RUN echo compiling; \\
    echo "core.cc:3: error: no such thing" >&2; \\
    exit 2
FROM base
COPY --from=harness /made /made
"""

SLOW = """FROM base AS toolchain
RUN for i in $(seq 60); do echo "step $i"; sleep 0.2; done; echo SALT > /made
FROM base
COPY --from=toolchain /made /made
"""


def silent(text: str) -> None:
    """Takes a line and shows nothing."""


def entries(options: BuildOptions) -> list[tuple[str, str]]:
    return [(entry.what, entry.cell) for entry in options.journal.entries()]


def test_an_image_is_built_once_and_found_by_its_fingerprint_after_that(
    engine: Engine,
    plan_one: PlanOne,
    options: BuildOptions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.setenv("TMPDIR", str(elsewhere))
    image = plan_one("two-stages-1.0", TWO_STAGES)
    first = build_images([image], engine, options, say=silent)
    assert [one.how for one in first.done] in (["built"], ["cached"])
    assert named_images(engine.host, image.tags)[image.fingerprint].id == first.done[0].image_id
    journal = entries(options)
    second = build_images([image], engine, options, say=silent)
    assert [(one.how, one.image_id) for one in second.done] == [("up to date", first.done[0].image_id)]
    assert entries(options) == journal, "nothing was asked of BuildKit, so nothing was written down"
    assert not list((options.state / "logs").glob("*.tmp"))
    assert not list(elsewhere.iterdir()), "buildx leaves its files there where it is let"
    said = engine.call("run", "--rm", "--network=none", image.tags[0], "cat", "/made")
    assert said.stdout == "made of /root and %{dollar}\n", "the Dockerfile reached BuildKit unchanged"


def test_latest_names_the_image_that_was_asked_for_last(
    engine: Engine, plan_one: PlanOne, options: BuildOptions
) -> None:
    old = plan_one("latest", TWO_STAGES)
    new = plan_one("latest", TWO_STAGES + "ENV CHANGED=yes\n")
    build_images([old], engine, options, say=silent)
    build_images([new], engine, options, say=silent)
    assert old.tags[1] in named_images(engine.host, new.tags)[new.fingerprint].tags
    build_images([old], engine, options, say=silent)
    assert old.tags[1] in named_images(engine.host, old.tags)[old.fingerprint].tags


def test_a_failure_says_stage_template_line_and_exit_code_and_stops_nothing_else(
    engine: Engine, plan_one: PlanOne, options: BuildOptions
) -> None:
    bad, good = plan_one("bad", FAILING), plan_one("good", TWO_STAGES + "ENV GOOD=1\n")
    report = build_images(
        [bad, good],
        engine,
        options,
        origin=lambda cell, line: ("templates/harness.j2", line + 100),
        say=silent,
    )
    assert [one.cell_id for one in report.done] == [good.cell_id]
    (failure,) = report.failures
    assert failure.step.startswith("harness ")
    assert failure.place == "templates/harness.j2:104", "the RUN is line 4 of the Dockerfile"
    assert failure.exit_code == 2
    assert "core.cc:3: error: no such thing" in failure.last_lines
    assert failure.retry == f"mlperf-bake build --target={bad.cell_id}"
    assert "core.cc:3: error: no such thing" in failure.log_file.read_text(encoding="utf-8")
    assert ("failed", bad.cell_id) in entries(options)
    assert bad.fingerprint not in named_images(engine.host, bad.tags)


def test_a_build_over_its_time_limit_is_ended_at_the_step_that_it_was_at(
    engine: Engine, plan_one: PlanOne, options: BuildOptions, salt: str
) -> None:
    image = plan_one("overrun", SLOW.replace("SALT", salt))
    (failure,) = build_images([image], engine, replace(options, limit_s=3), say=silent).failures
    assert failure.message == "it took longer than the 0.05 minutes of --time-limit"
    assert failure.step == "toolchain 1/2"
    assert failure.last_lines[-1].startswith("step ")
    assert not [line for line in command_lines() if str(options.state) in line], "no buildx is left"


def test_fail_fast_starts_nothing_after_a_failure(
    engine: Engine, plan_one: PlanOne, options: BuildOptions
) -> None:
    bad, later = plan_one("bad-first", FAILING), plan_one("later", TWO_STAGES + "ENV LATER=1\n")
    report = build_images([bad, later], engine, replace(options, keep_going=False), say=silent)
    assert report.not_started == (later.cell_id,)
    assert later.fingerprint not in named_images(engine.host, later.tags)


def test_an_image_that_no_hub_gives_is_explained(
    engine: Engine, plan_one: PlanOne, options: BuildOptions
) -> None:
    image = plan_one("no-base", "FROM registry.invalid/nothing:1\n")
    (failure,) = build_images([image], engine, options, say=silent).failures
    assert failure.message == "the hub does not give a base image"
    assert "--context base=" in failure.remedy


def test_a_checksum_mismatch_shows_both_sums(
    engine: Engine, plan_one: PlanOne, options: BuildOptions
) -> None:
    wanted, found = "a" * 64, "b" * 64
    step = f'RUN echo "checksum mismatch: /x: expected sha256 {wanted}, found {found}" >&2; exit 1\n'
    (failure,) = build_images([plan_one("sum", f"FROM base\n{step}")], engine, options, say=silent).failures
    assert failure.message == f"checksum mismatch: /x: expected {wanted}, found {found}"


def test_secrets_reach_the_step_and_stay_out_of_the_image(
    engine: Engine, plan_one: PlanOne, options: BuildOptions, tmp_path: Path
) -> None:
    bundle = tmp_path / "bundle.pem"
    bundle.write_text("bundle-3f2a1b\n", encoding="utf-8")
    image = plan_one(
        "secrets",
        "FROM base\nRUN --mount=type=secret,id=ca --mount=type=secret,id=pip "
        "cat /run/secrets/ca /run/secrets/pip | wc -c > /size\n",
    )
    secrets = (Secret("ca", file=bundle), Secret("pip", text="index-7d9c4e\n"))
    report = build_images(
        [image], engine, replace(options, secrets=lambda: secrets, no_cache=True), say=silent
    )
    tag = image.tags[0]
    said = engine.call("run", "--rm", "--network=none", tag, "cat", "/size")
    assert said.stdout.strip() == str(len("bundle-3f2a1b\nindex-7d9c4e\n"))
    whole = tmp_path / "image.tar"
    assert engine.call("image", "save", "--output", str(whole), tag, timeout=120).ok
    kept = [
        engine.call("image", "inspect", tag).stdout,
        engine.call("image", "history", "--no-trunc", tag).stdout,
        *(path.read_text(encoding="utf-8") for path in (options.state / "logs").iterdir()),
    ]
    with tarfile.open(whole) as archive:
        for member in archive:
            file = archive.extractfile(member)
            if file is not None and member.size < 1 << 20:
                kept.append(file.read().decode("latin-1"))
    assert report.done and len(kept) > 5
    assert not [text[:200] for text in kept if "3f2a1b" in text or "7d9c4e" in text]


def test_after_kill_9_the_same_build_goes_on_and_ends_well(
    engine: Engine, plan_one: PlanOne, options: BuildOptions, salt: str, tmp_path: Path
) -> None:
    done = plan_one("kill-done", TWO_STAGES + f"ENV OF_THIS_RUN={salt}\n")
    cut = plan_one("kill-cut", SLOW.replace("SALT", salt))
    with driven(tmp_path / "driver", "build", [done, cut], options) as running:
        running.wait_for("toolchain 1/2")
        running.process.send_signal(signal.SIGKILL)
        running.process.wait()
    last = options.journal.last()
    assert (last[done.cell_id].what, last[cut.cell_id].what) == ("built", "started")
    assert cut.fingerprint not in named_images(engine.host, cut.tags)
    report = build_images([done, cut], engine, options, say=silent)
    assert report.done[0].how == "up to date"
    assert cut.fingerprint in named_images(engine.host, cut.tags)
    assert options.journal.last()[cut.cell_id].what == "built"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_build_ends_its_children_and_exits_130(
    number: signal.Signals,
    engine: Engine,
    plan_one: PlanOne,
    options: BuildOptions,
    salt: str,
    tmp_path: Path,
) -> None:
    image = plan_one("interrupted", SLOW.replace("SALT", salt))
    with driven(tmp_path / "driver", "build", [image], options) as running:
        running.wait_for("toolchain 1/2")
        running.process.send_signal(number)
        assert running.process.wait(timeout=20) == 130
        assert "the same command goes on from here" in running.output
    assert options.journal.last()[image.cell_id].what == "interrupted"
    assert not [line for line in command_lines() if str(options.state) in line], "no buildx is left"
    assert image.fingerprint not in named_images(engine.host, image.tags)


def test_the_bake_file_that_was_built_lies_beside_the_log(
    engine: Engine, plan_one: PlanOne, options: BuildOptions
) -> None:
    image = plan_one("kept", TWO_STAGES)
    build_images([image], engine, options, say=silent)
    target = json.loads((options.state / "logs" / f"{image.cell_id}.bake.json").read_text(encoding="utf-8"))[
        "target"
    ]
    assert [one["tags"] for one in target.values()] == [list(image.tags)]

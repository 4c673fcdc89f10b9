"""Images in a real registry: built, published, pulled by digest, run; equal bytes from equal sources."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.cache import parse_cache
from mlperf_bake.build.elsewhere import with_layouts
from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.build.state import named_images
from mlperf_bake.cli.publishing import publisher_to
from mlperf_bake.cli.pull import take
from mlperf_bake.cli.reproduce import compared
from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.secrets import Secret, passwords
from mlperf_bake.errors import UsageError
from mlperf_bake.oci.layout import Layout
from mlperf_bake.oci.scan import scan
from mlperf_bake.publish.delivery import complete
from mlperf_bake.publish.families import Family, name_family
from tests.engine.conftest import PlanOne
from tests.engine.test_build_images import TWO_STAGES, silent
from tests.support.debian_registry import debian_registry

SAME = """FROM base AS made
RUN mkdir /out; echo same > /out/file; date > /tmp/not-copied; python3 --version > /dev/null 2>&1 || true
FROM scratch
COPY --from=made /out /out
"""
DIFFERENT = SAME.replace("echo same > /out/file", "cat /proc/sys/kernel/random/uuid > /out/file")

FAMILY = Family("engine-test-family", ())


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``127.0.0.1:PORT`` of a registry."""
    with debian_registry(tmp_path_factory.mktemp("registry")) as host:
        yield host


@pytest.fixture
def publishing(registry: str, options: BuildOptions) -> BuildOptions:
    """Builds that go to the registry."""
    output = Output(registry=f"{registry}/team", layouts=options.state / "layouts")
    publisher = publisher_to(f"{registry}/team", output)
    return replace(
        options,
        output=output,
        deliver=publisher.deliver,
        delivered=publisher.delivered,
        name_again=publisher.name_again,
    )


def test_an_image_is_published_found_and_run_by_its_digest(
    engine: Engine, plan_one: PlanOne, publishing: BuildOptions, registry: str
) -> None:
    image = plan_one("published", TWO_STAGES)
    first = build_images([image], engine, publishing, say=silent)
    assert not first.failures, first.failures
    (done,) = first.done
    (again,) = build_images([image], engine, publishing, say=silent).done
    assert (again.how, again.image_id) == ("up to date", done.image_id), (
        "the registry has it: nothing is built"
    )
    reference = f"{registry}/team/{image.tags[0].partition(':')[0]}@{done.image_id}"
    said = engine.call(
        "run", "--rm", "--network=none", "--pull=always", reference, "cat", "/made", timeout=120
    )
    assert said.stdout == "made of /root and %{dollar}\n", said.stderr
    engine.call("image", "rm", "--force", reference)
    shown = engine.call(
        "buildx", "imagetools", "inspect", reference, "--format", "{{json .SBOM.SPDX}}", timeout=120
    )
    bill = json.loads(shown.stdout)
    names = {package["name"] for package in bill["packages"]}
    assert {"libc6", "bash", image.cell_id} <= names, "Docker's own tool finds the bill of materials"
    provenance = engine.call(
        "buildx", "imagetools", "inspect", reference, "--format", "{{json .Provenance.SLSA}}", timeout=120
    )
    assert json.loads(provenance.stdout)["buildType"].startswith("https://mobyproject.org/buildkit")


def test_a_published_image_is_taken_as_if_it_had_been_built_here(
    engine: Engine, plan_one: PlanOne, publishing: BuildOptions, registry: str
) -> None:
    image = plan_one("taken", SAME + "CMD []\n")
    publisher = publisher_to(f"{registry}/team", publishing.output)
    with pytest.raises(UsageError, match="not published"):
        take(image, publisher, engine, False, silent)
    (done,) = build_images([image], engine, publishing, say=silent).done
    reference = take(image, publisher, engine, False, silent)
    assert reference.endswith(f"@{done.image_id}")
    assert image.fingerprint in named_images(engine.host, image.tags), "run and plan find it by its name"
    changed = replace(
        image, fingerprint="sha256:" + "d" * 64, tags=(image.tags[0][:-12] + "d" * 12, image.tags[1])
    )
    assert take(changed, publisher, engine, True, silent) == reference
    assert image.tags[1] in named_images(engine.host, image.tags)[image.fingerprint].tags
    engine.call("image", "rm", "--force", reference)


def test_a_family_holds_both_platforms_and_the_engine_takes_its_own(
    engine: Engine, plan_one: PlanOne, publishing: BuildOptions, registry: str
) -> None:
    other = "linux/arm64" if engine.platform == "linux/amd64" else "linux/amd64"
    scratch = "FROM scratch\nCOPY --from=base /etc/debian_version /\n"
    images = [plan_one("member-a", scratch), plan_one("member-b", scratch, platform=other)]
    publisher = publisher_to(f"{registry}/team", publishing.output)
    assert build_images(images[:1], engine, publishing, say=silent).done
    assert name_family(publisher, FAMILY, images, silent).missing == (images[1].cell_id,)
    assert build_images(images[1:], engine, publishing, say=silent).done
    named = name_family(publisher, FAMILY, images, silent)
    shown = engine.call("buildx", "imagetools", "inspect", "--raw", named.reference, timeout=60)
    platforms = {
        f"{one['platform']['os']}/{one['platform']['architecture']}"
        for one in json.loads(shown.stdout)["manifests"]
    }
    assert platforms == {"linux/amd64", "linux/arm64", "unknown/unknown"}
    assert engine.call("pull", named.reference, timeout=120).ok
    inspected = engine.call("image", "inspect", "--format", "{{.Architecture}}", named.reference)
    assert f"linux/{inspected.stdout.strip()}" == engine.platform
    engine.call("image", "rm", "--force", named.reference)


def test_a_registry_that_is_not_there_fails_the_build_in_one_row(
    engine: Engine, plan_one: PlanOne, publishing: BuildOptions
) -> None:
    output = replace(publishing.output, registry="127.0.0.1:1/team")
    waited: list[float] = []
    publisher = publisher_to("127.0.0.1:1/team", output, waited.append)
    nowhere = replace(publishing, output=output, deliver=publisher.deliver, delivered=None)
    report = build_images([plan_one("unpublished", SAME)], engine, nowhere, say=silent)
    (failure,) = report.failures
    assert failure.message.startswith("the registry does not answer")
    assert failure.step.startswith("publish to 127.0.0.1:1/")
    assert "the same command goes on" in failure.remedy
    assert [entry.what for entry in nowhere.journal.entries()] == ["started", "failed"]
    assert sum(waited) == 1 + 2 + 4 + 8


def test_an_image_is_the_same_twice_or_the_file_that_differs_is_named(
    engine: Engine, plan_one: PlanOne, options: BuildOptions, tmp_path: Path
) -> None:
    differing, digest = compared(plan_one("same", SAME), engine, options, tmp_path / "same")
    assert differing == [] and digest.startswith("sha256:")
    differing, _ = compared(plan_one("different", DIFFERENT), engine, options, tmp_path / "different")
    assert {(one.where, one.what) for one in differing} == {
        ("layer 1 (COPY /out /out # buildkit)", "out/file: sha256")
    }
    assert not (tmp_path / "same").exists(), "nothing is left on the disk"


CAREFUL = """FROM base AS made
RUN --mount=type=secret,id=pip wc -c < /run/secrets/pip > /size
FROM scratch
COPY --from=made /size /size
"""
CARELESS = """FROM base AS made
RUN --mount=type=secret,id=pip mkdir /out; cp /run/secrets/pip /out/pip.conf; chmod 4777 /out/pip.conf
FROM scratch
COPY --from=made /out /out
"""


def test_a_planted_secret_is_found_in_a_careless_image_and_nowhere_else(
    engine: Engine, plan_one: PlanOne, options: BuildOptions, tmp_path: Path
) -> None:
    password = "pl4nted-s3cret"
    secret = Secret("pip", text=f"[global]\nindex-url = https://me:{password}@index.example/simple\n")
    output = Output(layouts=tmp_path / "layouts")
    planting = replace(options, output=output, secrets=lambda: (secret,))
    images = [plan_one("careful", CAREFUL), plan_one("careless", CARELESS)]
    assert len(build_images(images, engine, planting, say=silent).done) == 2
    found = {}
    for image in images:
        layout = Layout(tmp_path / "layouts" / image.cell_id)
        complete(layout, image, output.epoch)
        (built,) = layout.images()
        found[image.cell_id] = scan(layout, built, passwords([secret]))
    careful, careless = found.values()
    assert careful == ()
    assert {(one.rule, one.path) for one in careless} == {
        ("secret", "out/pip.conf"),
        ("setuid", "out/pip.conf"),
        ("world-writable", "out/pip.conf"),
    }
    told = [path.read_bytes() for path in (options.state / "logs").iterdir()]
    told += [
        path.read_bytes() for path in (tmp_path / "layouts" / images[0].cell_id).rglob("*") if path.is_file()
    ]
    assert len(told) > 8 and not [text for text in told if password.encode() in text]


def test_a_registry_keeps_the_cache_of_stages_for_another_machine(
    engine: Engine, plan_one: PlanOne, options: BuildOptions, registry: str
) -> None:
    place = parse_cache(f"type=registry,ref={registry}/cache")
    image = plan_one("cached-onnxruntime-cpu-debian12", SAME + f"LABEL at={registry}\n")
    output = Output(cache_to=(place,), cache_from=(place,))
    report = build_images([image], engine, replace(options, output=output, force=True), say=silent)
    assert not report.failures, report.failures
    kept = publisher_to(registry, output).connect(silent, lambda: False)
    for entry in (image.cell_id, "stages-onnxruntime-cpu-debian12"):
        assert kept.digest("cache", entry).startswith("sha256:")


def test_a_base_image_of_the_engine_is_given_as_a_layout(
    engine: Engine, base: str, plan_one: PlanOne, options: BuildOptions, tmp_path: Path
) -> None:
    if not base.startswith("docker-image://mlperf-bake/base:"):
        pytest.skip("the base image is a hub's: every builder can have it")
    image = plan_one("by-layout", SAME)
    (given,) = with_layouts([image], engine, tmp_path / "bases", silent)
    assert dict(given.contexts)["base"].startswith(f"oci-layout://{tmp_path}/bases/")
    assert with_layouts([image], engine, tmp_path / "bases", silent) == (given,), "saved once"
    report = build_images([given], engine, options, say=silent)
    assert not report.failures, report.failures

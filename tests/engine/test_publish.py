"""Images in a real registry: built, published, pulled by digest, run; equal bytes from equal sources."""

import json
from collections.abc import Iterator
from dataclasses import replace

import pytest

from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.service import BuildOptions, build_images
from mlperf_bake.cli.publishing import publisher_to
from mlperf_bake.engine.find import Engine
from mlperf_bake.publish.families import Family, name_family
from tests.engine.conftest import PlanOne
from tests.engine.test_build_images import TWO_STAGES, silent
from tests.support.debian_registry import debian_registry

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
    return replace(options, output=output, deliver=publisher.deliver, delivered=publisher.delivered)


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
    report = build_images([plan_one("unpublished", TWO_STAGES)], engine, nowhere, say=silent)
    (failure,) = report.failures
    assert failure.message.startswith("the registry does not answer")
    assert failure.step.startswith("publish to 127.0.0.1:1/")
    assert "the same command goes on" in failure.remedy
    assert [entry.what for entry in nowhere.journal.entries()] == ["started", "failed"]
    assert waited == [1.0, 2.0, 4.0, 8.0]

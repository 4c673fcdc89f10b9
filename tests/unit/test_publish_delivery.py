"""Publishing an image: whole or not at all, whatever the registry does meanwhile."""

import json
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest

from mlperf_bake.build.bakefile import Output
from mlperf_bake.cli.pull import published, take
from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import Interrupted, UsageError
from mlperf_bake.oci.spdx import PREDICATE
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.publish.credentials import open_session
from mlperf_bake.publish.delivery import Publisher
from mlperf_bake.publish.families import Family, name_family
from mlperf_bake.publish.prefix import Prefix, parse_prefix
from mlperf_bake.publish.registry import ATTEMPTS, Registry, RegistryFailed
from tests.support.layouts import layer, make_layout, statements
from tests.support.simulated_registry import Handler, SimulatedRegistry, simulated_registry

CELL = "net-cpp-onnxruntime-cpu-debian12"
REPOSITORY = f"team/mlperf-bake/{CELL}"
FIXED = "a" * 12
IMAGE = PlannedImage(
    cell_id=CELL,
    sections=(f"FROM debian:bookworm@sha256:{'1' * 64} AS base\n",),
    dockerfile_path="images/cpu/net/Dockerfile",
    platform="linux/amd64",
    fingerprint="sha256:" + "a" * 64,
    ingredients=(),
    tags=(f"mlperf-bake/{CELL}:{FIXED}", f"mlperf-bake/{CELL}:latest"),
    labels=(("org.opencontainers.image.revision", "c0ffee"),),
    build_args=(),
    contexts=(),
)


@pytest.fixture
def registry() -> Iterator[SimulatedRegistry]:
    with simulated_registry() as running:
        yield running


class Case:
    """A publisher to a simulated registry, with what it said and how long it waited."""

    def __init__(self, registry: SimulatedRegistry, tmp_path: Path, user: tuple[str, str] = ("", "")) -> None:
        self.pauses: list[float] = []
        self.said: list[str] = []
        self.stopped = False
        prefix = Prefix(registry.host, "team")

        def connect(said: Callable[[str], None], stopped: Callable[[], bool]) -> Registry:
            return Registry(prefix, open_session(prefix), lambda: user, said, stopped, self.pauses.append)

        self.output = Output(registry=str(prefix), layouts=tmp_path / "layouts")
        self.publisher = Publisher(prefix, self.output, connect)

    @property
    def waited(self) -> float:
        """Seconds that it would have waited in all."""
        return sum(self.pauses)

    def deliver(self, image: PlannedImage = IMAGE, files: dict[str, bytes] | None = None) -> str:
        place = self.output.layout(image)
        assert place is not None
        make_layout(place, [layer({"base": b"base"}), layer(files or {"x": b"1"})], image.platform)
        return self.publisher.deliver(image, self.said.append, lambda: self.stopped)


@pytest.fixture
def case(registry: SimulatedRegistry, tmp_path: Path) -> Case:
    return Case(registry, tmp_path)


def failing(status: int, method: str = "PUT", **headers: str) -> Callable[[Handler], bool]:
    return lambda handler: handler.command == method and handler.refuse(status, "SIMULATED", headers)


def dying(handler: Handler) -> bool:
    """The connection ends in the middle of a blob."""
    if handler.command != "PUT" or "/blobs/" not in handler.path:
        return False
    handler.rfile.read(1)
    handler.close_connection = True
    handler.connection.shutdown(socket.SHUT_RDWR)
    return True


def test_a_published_image_has_provenance_a_bill_of_materials_and_annotations(
    registry: SimulatedRegistry, case: Case, tmp_path: Path
) -> None:
    digest = case.deliver()
    content, _ = registry.manifests[REPOSITORY, FIXED]
    assert registry.manifests[REPOSITORY, "latest"][0] == content == registry.manifests[REPOSITORY, digest][0]
    index = json.loads(content)
    assert index["annotations"] == {
        "org.mlperf-bake.fingerprint": IMAGE.fingerprint,
        "org.opencontainers.image.base.digest": "sha256:" + "1" * 64,
        "org.opencontainers.image.base.name": "debian:bookworm",
        "org.opencontainers.image.revision": "c0ffee",
        "org.opencontainers.image.title": CELL,
        "org.opencontainers.image.version": FIXED,
    }
    image, attestation = index["manifests"]
    assert attestation["annotations"]["vnd.docker.reference.digest"] == image["digest"]
    manifest = json.loads(registry.manifests[REPOSITORY, attestation["digest"]][0])
    (statement,) = manifest["layers"]
    assert statement["annotations"] == {"in-toto.io/predicate-type": PREDICATE}
    bill = json.loads(registry.blobs[REPOSITORY, statement["digest"]])
    assert bill["subject"][0]["digest"]["sha256"] == image["digest"].removeprefix("sha256:")
    assert not (tmp_path / "layouts" / CELL).exists(), "what is published takes no room here"
    assert case.publisher.delivered(IMAGE) == digest


def test_an_image_of_another_round_leaves_latest_where_it_is(registry: SimulatedRegistry, case: Case) -> None:
    case.deliver()
    before = registry.manifests[REPOSITORY, "latest"][0]
    other = replace(
        IMAGE,
        fingerprint="sha256:" + "c" * 64,
        tags=(f"mlperf-bake/{CELL}:{'c' * 12}", f"mlperf-bake/{CELL}:v5.1"),
    )
    case.deliver(other, files={"x": b"another"})
    assert registry.manifests[REPOSITORY, "latest"][0] == before
    assert registry.manifests[REPOSITORY, "v5.1"][0] == registry.manifests[REPOSITORY, "c" * 12][0] != before


def test_nothing_is_named_before_all_of_it_is_there(registry: SimulatedRegistry, case: Case) -> None:
    case.deliver()
    puts = [path for method, path in registry.asked if method == "PUT"]
    first_manifest = next(number for number, path in enumerate(puts) if "/manifests/" in path)
    assert all("/manifests/" in path or "/blobs/" in path for path in puts)
    names = [path.rpartition("/")[2] for path in puts if "/manifests/" in path]
    assert names[-2:] == [FIXED, "latest"]
    assert first_manifest > 0 and all(name.startswith("sha256:") for name in names[:-2])


def test_a_fixed_name_is_never_given_to_something_else(registry: SimulatedRegistry, case: Case) -> None:
    first = case.deliver()
    assert case.deliver(files={"x": b"another"}) == first
    assert json.loads(registry.manifests[REPOSITORY, FIXED][0])["manifests"]
    assert any("published meanwhile" in line for line in case.said)


@pytest.mark.parametrize("fault", [failing(503), failing(500, "POST"), failing(502, "HEAD"), dying])
def test_a_passing_failure_is_waited_out(
    fault: Callable[[Handler], bool], registry: SimulatedRegistry, case: Case
) -> None:
    registry.faults += [fault, fault]
    case.deliver()
    assert f"{REPOSITORY}:latest" in registry.tags()
    assert case.waited in (2.0, 3.0), "1 s and 2 s, or twice 1 s where two requests failed once each"
    assert any("once more in 1 s (1 of 5)" in line for line in case.said)


def test_a_registry_says_itself_how_long_to_wait(registry: SimulatedRegistry, case: Case) -> None:
    registry.faults.append(failing(429, **{"Retry-After": "7"}))
    case.deliver()
    assert case.waited == 7.0


@pytest.mark.parametrize("fault", [failing(503), dying])
def test_a_registry_that_stays_broken_names_nothing_and_is_told_in_one_sentence(
    fault: Callable[[Handler], bool], registry: SimulatedRegistry, case: Case
) -> None:
    registry.always.append(fault)
    with pytest.raises(RegistryFailed, match="does not answer") as failure:
        case.deliver()
    assert case.waited == 1 + 2 + 4 + 8 and f"asked {ATTEMPTS} times" in str(failure.value)
    assert "the same command goes on" in str(failure.value)
    assert registry.tags() == set()
    registry.always.clear()
    sent = len([1 for method, path in registry.asked if method == "PUT" and "/blobs/" in path])
    case.deliver()
    assert registry.tags() == {f"{REPOSITORY}:{FIXED}", f"{REPOSITORY}:latest"} and sent > 0


def test_a_registry_that_dies_between_manifests_leaves_nothing_named(
    registry: SimulatedRegistry, case: Case
) -> None:
    registry.always.append(
        lambda handler: (
            handler.command == "PUT" and handler.path.endswith(FIXED) and handler.refuse(500, "DIED")
        )
    )
    with pytest.raises(RegistryFailed):
        case.deliver()
    assert registry.tags() == set() and registry.blobs


def test_a_refusal_is_told_at_once(registry: SimulatedRegistry, case: Case) -> None:
    registry.always.append(failing(403, "POST"))
    with pytest.raises(RegistryFailed, match="refuses access") as failure:
        case.deliver()
    assert case.waited == 0
    assert f"docker login {registry.host}" in str(failure.value) and "403 SIMULATED simulated" in str(
        failure.value
    )


def test_a_registry_that_is_not_there_is_told(tmp_path: Path) -> None:
    with simulated_registry() as gone:
        pass
    case = Case(gone, tmp_path)
    with pytest.raises(RegistryFailed, match="does not answer") as failure:
        case.publisher.delivered(IMAGE)
    assert "refused" in str(failure.value)


def test_an_interrupted_push_names_nothing(registry: SimulatedRegistry, case: Case) -> None:
    case.stopped = True
    with pytest.raises(Interrupted):
        case.deliver()
    assert registry.tags() == set()


def test_a_push_is_interrupted_between_two_blocks_and_while_it_waits(
    registry: SimulatedRegistry, case: Case
) -> None:
    def stop(handler: Handler) -> bool:
        case.stopped = handler.command == "PUT"
        return False

    registry.always.append(stop)
    with pytest.raises(Interrupted):
        case.deliver()
    assert registry.tags() == set()
    case.stopped = False
    registry.always[:] = [failing(503), stop]
    with pytest.raises(Interrupted):
        case.publisher.connect(
            lambda line: setattr(case, "stopped", True), lambda: case.stopped
        ).put_manifest("r", "t", b"{}", "x")
    assert case.waited == 0


def token_server(handler: Handler) -> bool:
    """Bearer tokens, as the Distribution project's specification has them."""
    if handler.path.startswith("/token"):
        good = handler.headers.get("Authorization") == "Basic bWU6c2VjcmV0"  # me:secret
        handler.answer(200 if good else 401, {}, b'{"token":"t0ken"}' if good else b"{}")
        return True
    if handler.headers.get("Authorization") == "Bearer t0ken":
        return False
    host = handler.headers["Host"]
    return handler.refuse(
        401, "UNAUTHORIZED", {"WWW-Authenticate": f'Bearer realm="http://{host}/token",service="s"'}
    )


def test_dockers_login_is_exchanged_for_a_token(registry: SimulatedRegistry, tmp_path: Path) -> None:
    registry.always.append(token_server)
    Case(registry, tmp_path, ("me", "secret")).deliver()
    assert f"{REPOSITORY}:latest" in registry.tags()
    (scope,) = {path for method, path in registry.asked if path.startswith("/token")}
    assert "scope=repository%3Ateam%2Fmlperf-bake" in scope and "pull%2Cpush" in scope


def test_without_a_login_the_command_for_one_is_told(registry: SimulatedRegistry, tmp_path: Path) -> None:
    registry.always.append(token_server)
    with pytest.raises(RegistryFailed, match="refuses access") as failure:
        Case(registry, tmp_path).deliver()
    assert f"docker login {registry.host}" in str(failure.value)


def test_a_pull_of_what_is_not_published_offers_only_what_was_not_tried(case: Case) -> None:
    engine = cast(Engine, None)  # nothing is asked of it
    said: list[str] = []
    with pytest.raises(UsageError, match="--newest takes"):
        take(IMAGE, case.publisher, engine, False, said.append)
    with pytest.raises(UsageError, match="not published") as failure:
        take(IMAGE, case.publisher, engine, True, said.append)
    assert "--newest" not in str(failure.value) and said == []


def test_a_pull_takes_what_was_published_from_a_base_made_here_where_nothing_is_from_the_locked_one(
    case: Case,
) -> None:
    on_the_locked_base = replace(
        IMAGE, fingerprint="sha256:" + "b" * 64, tags=(f"mlperf-bake/{CELL}:{'b' * 12}", IMAGE.tags[1])
    )
    pair = (on_the_locked_base, IMAGE)
    assert published(pair, case.publisher) is on_the_locked_base, "neither is there: the first is told"
    case.deliver(IMAGE)
    assert published(pair, case.publisher) is IMAGE
    case.deliver(on_the_locked_base)
    assert published(pair, case.publisher) is on_the_locked_base


def test_a_registry_on_this_machine_is_asked_without_the_proxy(
    registry: SimulatedRegistry, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("no_proxy", raising=False)
    case.deliver()
    assert case.waited == 0 and registry.tags()


def arm(image: PlannedImage) -> PlannedImage:
    cell = image.cell_id.replace("-cpu-", "-arm-")
    return replace(
        image,
        cell_id=cell,
        platform="linux/arm64",
        fingerprint="sha256:" + "b" * 64,
        tags=(f"mlperf-bake/{cell}:{'b' * 12}", f"mlperf-bake/{cell}:latest"),
    )


FAMILY = Family("net-cpp-onnxruntime-debian12", ())
FAMILY_REPOSITORY = f"team/mlperf-bake/{FAMILY.name}"


def test_a_family_is_named_when_its_last_platform_is_there(registry: SimulatedRegistry, case: Case) -> None:
    other = arm(IMAGE)
    case.deliver()
    waiting = name_family(case.publisher, FAMILY, [IMAGE, other], case.said.append)
    assert waiting.missing == (other.cell_id,) and not waiting.reference
    assert not [tag for tag in registry.tags() if tag.startswith(FAMILY_REPOSITORY)]
    case.deliver(other)
    named = name_family(case.publisher, FAMILY, [IMAGE, other], case.said.append)
    index = json.loads(registry.manifests[FAMILY_REPOSITORY, "latest"][0])
    assert [one["platform"]["architecture"] for one in index["manifests"]] == [
        "amd64",
        "unknown",
        "arm64",
        "unknown",
    ]
    assert named.reference.startswith(f"{registry.host}/{FAMILY_REPOSITORY}:")
    for one in index["manifests"]:
        manifest = json.loads(registry.manifests[FAMILY_REPOSITORY, one["digest"]][0])
        blobs = [manifest["config"], *manifest["layers"]]
        assert all((FAMILY_REPOSITORY, blob["digest"]) in registry.blobs for blob in blobs)
    again = name_family(case.publisher, FAMILY, [IMAGE, other], case.said.append)
    assert again == named, "the same members give the same index"


def without_links(handler: Handler) -> bool:
    """A registry that begins an upload where it is asked for a link."""
    if "mount=" not in handler.path:
        return False
    handler.answer(202, {"Location": "/v2/x/blobs/uploads/2"})
    return True


def test_blobs_are_copied_where_a_registry_cannot_link_them(registry: SimulatedRegistry, case: Case) -> None:
    other = arm(IMAGE)
    registry.always.append(without_links)
    case.deliver()
    case.deliver(other)
    assert name_family(case.publisher, FAMILY, [IMAGE, other], case.said.append).reference
    assert any(repository == FAMILY_REPOSITORY for repository, _ in registry.blobs)


def test_images_share_the_blobs_of_their_base(registry: SimulatedRegistry, case: Case) -> None:
    case.deliver()
    case.deliver(arm(IMAGE), files={"x": b"arm"})
    assert [path for method, path in registry.asked if "mount=sha256:" in path]
    sent = [path for method, path in registry.asked if method == "PUT" and "/blobs/" in path]
    assert len(sent) == len({path.partition("digest=")[2] for path in sent}), "no blob was sent twice"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "team",
        "https://registry.example/team",
        "registry.example/Team",
        "a.b/c:tag",
        "a..b/",
        "h.example/x//y",
    ],
)
def test_what_is_no_registry_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="not a registry"):
        parse_prefix(text)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("registry.example/team/x", "https://registry.example"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:5000/a", "http://127.0.0.1:5000"),
        ("registry.example:443/a", "https://registry.example:443"),
        ("docker.io/team", "https://registry-1.docker.io"),
    ],
)
def test_a_registry_is_asked_over_https_but_on_loopback(text: str, url: str) -> None:
    assert parse_prefix(text).url == url


def test_the_statements_of_a_layout_are_kept_when_one_is_added(tmp_path: Path) -> None:
    layout = make_layout(tmp_path / "layout", [layer({"x": b"1"})])
    (image,) = layout.images()
    layout.attest([("https://slsa.dev/provenance/v0.2", {"builder": "b"})], image.manifest)
    layout.attest([(PREDICATE, {"name": "n"})], image.manifest)
    assert statements(layout) == {
        "https://slsa.dev/provenance/v0.2": {"builder": "b"},
        PREDICATE: {"name": "n"},
    }
    assert len(layout.manifests()) == 2

"""What a registry, or what stands before it, may answer: nothing of it is taken for an image that is there."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
import requests
from requests.adapters import HTTPAdapter

from mlperf_bake.oci.layout import INDEX, Descriptor
from mlperf_bake.publish.credentials import open_session
from mlperf_bake.publish.prefix import Prefix
from mlperf_bake.publish.registry import Registry, RegistryFailed
from mlperf_bake.publish.upload import upload_place
from tests.support.simulated_registry import Handler, SimulatedRegistry, simulated_registry
from tests.unit.test_publish_delivery import FIXED, IMAGE, REPOSITORY, Case


@pytest.fixture
def registry() -> Iterator[SimulatedRegistry]:
    with simulated_registry() as running:
        yield running


@pytest.fixture
def case(registry: SimulatedRegistry, tmp_path: Path) -> Case:
    return Case(registry, tmp_path)


OTHER = b'{"schemaVersion":2,"manifests":[]}'


def test_a_name_that_another_pusher_gives_during_our_push_stays_with_its_image(
    registry: SimulatedRegistry, case: Case
) -> None:
    def name_it(handler: Handler) -> bool:
        if handler.command == "PUT" and "/blobs/" in handler.path:
            for name in (FIXED, "sha256:" + hashlib.sha256(OTHER).hexdigest()):
                registry.manifests[REPOSITORY, name] = OTHER, INDEX
        return False

    registry.always.append(name_it)
    digest = case.deliver()
    assert registry.manifests[REPOSITORY, FIXED][0] == registry.manifests[REPOSITORY, "latest"][0] == OTHER
    assert digest == case.publisher.delivered(IMAGE)
    assert any("published meanwhile" in line for line in case.said)


def test_a_moving_name_that_another_pusher_moves_on_at_once_is_no_failure(
    registry: SimulatedRegistry, case: Case
) -> None:
    def moved_on(handler: Handler) -> bool:
        if handler.command != "GET" or not handler.path.endswith("/latest"):
            return False
        handler.answer(200, {"Content-Type": INDEX}, OTHER)
        return True

    registry.always.append(moved_on)
    assert case.deliver() == case.publisher.delivered(IMAGE)


def test_a_push_that_died_before_its_moving_name_is_made_good_by_the_next(
    registry: SimulatedRegistry, case: Case
) -> None:
    registry.manifests[REPOSITORY, "latest"] = OTHER, INDEX
    registry.always.append(
        lambda handler: (
            handler.command == "PUT" and handler.path.endswith("/latest") and handler.refuse(500, "DIED")
        )
    )
    with pytest.raises(RegistryFailed) as failure:
        case.deliver()
    assert "no name there leads to half an image" in str(failure.value)
    registry.always.clear()
    digest = case.publisher.delivered(IMAGE)
    case.publisher.name_again(IMAGE, digest, case.said.append)
    assert registry.manifests[REPOSITORY, "latest"] == registry.manifests[REPOSITORY, FIXED]
    assert case.said[-1].endswith(f":latest names {digest[:19]} again")
    asked = len(registry.asked)
    case.publisher.name_again(IMAGE, digest, case.said.append)
    assert [method for method, _ in registry.asked[asked:]] == ["HEAD"], "it is there: nothing is written"


def test_another_manifest_than_was_sent_is_told(registry: SimulatedRegistry, case: Case) -> None:
    def another(handler: Handler) -> bool:
        if handler.command != "GET" or "/manifests/" not in handler.path:
            return False
        handler.answer(200, {"Content-Type": INDEX}, OTHER)
        return True

    registry.always.append(another)
    with pytest.raises(RegistryFailed, match="where sha256:") as failure:
        case.deliver()
    assert "does not take the image" in str(failure.value) and registry.tags() == set()


def test_a_page_of_a_network_that_wants_a_login_is_no_image(registry: SimulatedRegistry, case: Case) -> None:
    def page(handler: Handler) -> bool:
        handler.body()
        handler.answer(200, {"Content-Type": "text/html"}, b"<html>please log in</html>")
        return True

    registry.always.append(page)
    with pytest.raises(RegistryFailed) as failure:
        case.publisher.delivered(IMAGE)
    assert "text/html" in str(failure.value) and case.waited == 0


def test_an_upload_that_goes_on_elsewhere_takes_no_login_there(
    registry: SimulatedRegistry, tmp_path: Path
) -> None:
    def basic(handler: Handler) -> bool:
        if handler.headers.get("Authorization"):
            return False
        return handler.refuse(401, "UNAUTHORIZED", {"WWW-Authenticate": 'Basic realm="r"'})

    seen: list[str | None] = []
    with simulated_registry() as store:

        def elsewhere(handler: Handler) -> bool:
            if handler.command != "POST" or not handler.headers.get("Authorization"):
                return False
            handler.body()
            handler.answer(202, {"Location": f"http://{store.host}/v2/{REPOSITORY}/blobs/uploads/1?signed=y"})
            return True

        def stored(handler: Handler) -> bool:
            seen.append(handler.headers.get("Authorization"))
            return False

        registry.always += [basic, elsewhere]
        store.always.append(stored)
        store.blobs = registry.blobs
        Case(registry, tmp_path, ("me", "secret")).deliver()
    assert f"{REPOSITORY}:latest" in registry.tags()
    assert seen and set(seen) == {None}


def test_an_address_that_is_none_is_told(registry: SimulatedRegistry, case: Case) -> None:
    def nowhere(handler: Handler) -> bool:
        if handler.command != "POST":
            return False
        handler.body()
        handler.answer(202, {"Location": "http://127.0.0.1:99999/x"})
        return True

    registry.always.append(nowhere)
    with pytest.raises(RegistryFailed, match="does not take the image"):
        case.deliver()


def test_an_upload_that_is_sent_on_is_not_taken_for_done(registry: SimulatedRegistry, case: Case) -> None:
    def send_on(handler: Handler) -> bool:
        if handler.command != "PUT" or "/blobs/" not in handler.path:
            return False
        handler.body()
        handler.answer(307, {"Location": "https://elsewhere.example/"})
        return True

    registry.always.append(send_on)
    with pytest.raises(RegistryFailed, match=r"307 .*elsewhere\.example"):
        case.deliver()
    assert registry.tags() == set()


@pytest.mark.parametrize(("status", "remedy"), [(507, "make room"), (413, "take larger requests")])
def test_a_registry_without_room_is_told_with_what_to_do(
    status: int, remedy: str, registry: SimulatedRegistry, case: Case
) -> None:
    registry.always.append(
        lambda handler: handler.command == "PUT" and handler.refuse(status, "SIMULATED", {})
    )
    with pytest.raises(RegistryFailed, match="does not take the image") as failure:
        case.deliver()
    assert remedy in str(failure.value) and case.waited == 0


def test_a_large_blob_may_take_its_time_to_be_stored(case: Case) -> None:
    registry = case.publisher.connect(case.said.append, lambda: False)
    assert registry.silence_s(0) == 60
    assert 300 < registry.silence_s(5_000_000_000) < 3600


def test_what_is_published_is_an_index_of_what_lies_there(registry: SimulatedRegistry, case: Case) -> None:
    case.deliver()
    for entry in json.loads(registry.manifests[REPOSITORY, FIXED][0])["manifests"]:
        assert (REPOSITORY, entry["digest"]) in registry.manifests


class Answering(HTTPAdapter):
    """Stands in for the network: keeps which certificates were to be taken, and fails as it is told."""

    def __init__(self, failure: Exception | None = None) -> None:
        super().__init__()
        self.verified: list[object] = []
        self.patience: list[tuple[str, object]] = []
        self._failure = failure

    def send(self, request: requests.PreparedRequest, *_: object, **options: object) -> requests.Response:
        self.verified.append(options["verify"])
        self.patience.append((str(request.method), options["timeout"]))
        if self._failure:
            raise self._failure
        answer = requests.Response()
        answer.request, answer.url = request, str(request.url)
        answer.status_code = {"POST": 202, "PUT": 201}.get(str(request.method), 404)
        return answer


def asked(prefix: Prefix, network: Answering) -> str:
    session = open_session(prefix)
    session.mount("https://", network)
    return Registry(prefix, session, lambda: ("", "")).digest("team/x", "latest")


def test_the_certificates_that_the_user_names_go_before_what_a_library_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("named.pem", "other.pem"):
        (tmp_path / name).write_text("certificates", encoding="utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "named.pem"))
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "other.pem"))
    network = Answering()
    assert asked(Prefix("registry.example", ""), network) == ""
    assert network.verified == [str(tmp_path / "named.pem")]


def test_a_registry_that_does_not_read_on_for_a_while_is_waited_for(tmp_path: Path) -> None:
    """One address after the other is tried for 10 s; of a blob that is on its way no block is given up that soon."""
    file = tmp_path / "blob"
    file.write_bytes(b"1234")
    network, prefix = Answering(), Prefix("registry.example", "")
    session = open_session(prefix)
    session.mount("https://", network)
    Registry(prefix, session, lambda: ("", "")).put_blob("team/x", Descriptor("", "sha256:1", 4), file)
    assert network.patience[:2] == [("HEAD", (10.0, 60.0)), ("POST", (10.0, 60.0))]
    method, (block_s, answer_s) = cast(tuple[str, tuple[float, float]], network.patience[2])
    assert (method, block_s) == ("PUT", 60.0) and answer_s >= 60


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("[SSL: CERTIFICATE_VERIFY_FAILED] self-signed certificate", "export SSL_CERT_FILE="),
        ("[SSL: WRONG_VERSION_NUMBER] wrong version number", "give the registry a certificate"),
    ],
)
def test_a_registry_whose_tls_does_not_work_is_told_with_what_to_do(said: str, remedy: str) -> None:
    network = Answering(requests.exceptions.SSLError(said))
    with pytest.raises(RegistryFailed) as failure:
        asked(Prefix("registry.example", ""), network)
    assert remedy in str(failure.value)


@pytest.mark.parametrize(
    ("location", "place"),
    [
        ("/v2/x/1?a=b", "https://r.example:5000/v2/x/1?a=b"),
        ("http://r.example:5000/v2/x/1", "https://r.example:5000/v2/x/1"),
        ("https://store.example/1", "https://store.example/1"),
        ("http://store.example/1", "http://store.example/1"),
    ],
)
def test_an_upload_goes_on_with_tls_where_the_registry_forgets_that_a_proxy_speaks_it(
    location: str, place: str
) -> None:
    assert upload_place("https://r.example:5000/v2/x/blobs/uploads/", location) == place
    assert upload_place("http://127.0.0.1:5/v2/", "http://127.0.0.1:5/u") == "http://127.0.0.1:5/u"

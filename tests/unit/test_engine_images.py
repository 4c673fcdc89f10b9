"""What the engine tells of images, by its socket and, where it has none here, by the docker command."""

import json
from pathlib import Path

import pytest

from mlperf_bake.engine.command import Finished
from mlperf_bake.engine.daemon_socket import CONNECTIONS, answers
from mlperf_bake.engine.images import NAMES_A_CALL, inspected
from mlperf_bake.errors import EngineMissing
from tests.support.standin_daemon import StandinDaemon

REMOTE = "ssh://build@far"


def test_answers_stand_in_the_order_of_the_questions_however_many(tmp_path: Path) -> None:
    with StandinDaemon(tmp_path / "d.sock") as daemon:
        daemon.images = {str(number): {"Id": number} for number in range(0, 5 * CONNECTIONS, 2)}
        urls = [f"/images/{number}/json" for number in range(5 * CONNECTIONS)]
        found = answers(str(tmp_path / "d.sock"), urls)
        assert [status for status, _ in found] == [200, 404] * (len(urls) // 2)
        assert [told["Id"] for _, told in found[::2] if isinstance(told, dict)] == list(
            range(0, len(urls), 2)
        )
        assert sorted(daemon.asked) == sorted(urls)


class Docker:
    """The docker command of a remote engine, asked in place of a socket."""

    def __init__(self, images: dict[str, str], spelling: str = "{}", broken: str = "") -> None:
        self.images, self.spelling, self.broken = images, spelling, broken
        self.calls: list[tuple[str, ...]] = []

    def __call__(self, argv: tuple[str, ...], **_: object) -> Finished:
        names = argv[3:]
        assert argv[:3] == ("docker", "image", "inspect")
        self.calls.append(names)
        if self.broken:
            return Finished(argv, 1, "[]\n", self.broken)
        told = [{"Id": self.images[name]} for name in names if name in self.images]
        lacking = [self.spelling.format(name) for name in names if name not in self.images]
        said = "".join(f"Error response from daemon: No such image: {name}\n" for name in lacking)
        return Finished(argv, 1 if lacking else 0, json.dumps(told), said)


@pytest.mark.parametrize(
    ("spelling", "calls"), [("{}", 1), ("{}:latest", 1), ("docker.io/library/{}", 1 + 4)]
)
def test_a_remote_engine_is_asked_for_all_by_one_call_where_it_names_what_it_lacks(
    spelling: str, calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker = Docker({"a": "1", "c": "3"}, spelling)
    monkeypatch.setattr("mlperf_bake.engine.images.call", docker)
    assert inspected(REMOTE, ["a", "b", "c", "d", "a"]) == {"a": {"Id": "1"}, "c": {"Id": "3"}}
    assert len(docker.calls) == calls


def test_no_call_has_more_arguments_than_a_process_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"n{number}" for number in range(NAMES_A_CALL + 1)]
    docker = Docker({names[-1]: "1"})
    monkeypatch.setattr("mlperf_bake.engine.images.call", docker)
    assert list(inspected(REMOTE, names)) == [names[-1]]
    assert list(map(len, docker.calls)) == [NAMES_A_CALL, 1]


def test_a_remote_engine_that_does_not_answer_is_not_one_without_images(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = "Cannot connect to the Docker daemon at tcp://far:2376. Is the docker daemon running?"
    monkeypatch.setattr("mlperf_bake.engine.images.call", Docker({}, broken=said))
    with pytest.raises(EngineMissing) as caught:
        inspected("tcp://far:2376", ["a"])
    assert caught.value.found == said and caught.value.where == "tcp://far:2376"

"""The result read out of the container that wrote it: none there, and an engine that cannot give it."""

from typing import Any, cast

import docker.errors
import pytest
from docker.models.containers import Container

from mlperf_bake.errors import RunFailed
from mlperf_bake.run.result import read_manifest


def container_that_says(error: docker.errors.APIError) -> Container:
    """A container whose archive cannot be had."""

    class Silent:
        def get_archive(self, path: str) -> Any:
            assert path == "/results/r1"
            raise error

    return cast(Container, Silent())


def refusal(error: docker.errors.APIError) -> RunFailed:
    with pytest.raises(RunFailed) as caught:
        read_manifest(container_that_says(error), "r1")
    assert caught.value.where == "/results/r1"
    return caught.value


def test_a_process_that_ended_itself_is_told_from_a_harness_that_failed() -> None:
    said = refusal(docker.errors.NotFound("404", explanation="Could not find the file in container ddb0b0"))
    assert said.problem == "the harness ended well but left no result"
    assert "ddb0b0" not in str(said.found)
    assert "status 0" in str(said.found)
    assert "os._exit" in str(said.remedy)


def test_an_engine_that_cannot_give_the_result_is_quoted() -> None:
    said = refusal(docker.errors.APIError("500", explanation="i/o error"))
    assert said.found == "i/o error"
    assert "doctor" in str(said.remedy)

"""docker-py's client for the engine that was found; imported here and nowhere before it is needed (0.12 s)."""

import os
from typing import TYPE_CHECKING

from mlperf_bake.engine.find import Engine
from mlperf_bake.errors import EngineMissing

if TYPE_CHECKING:
    import docker

ANSWER_LIMIT_S = 120


def connect(engine: Engine) -> "docker.DockerClient":
    """A client for the daemon that the docker CLI uses.

    Raises:
        EngineMissing: it does not answer.
    """
    import docker
    import docker.errors

    try:
        if os.environ.get("DOCKER_HOST"):
            return docker.from_env(timeout=ANSWER_LIMIT_S, use_ssh_client=engine.host.startswith("ssh://"))
        return docker.DockerClient(
            base_url=engine.host, timeout=ANSWER_LIMIT_S, use_ssh_client=engine.host.startswith("ssh://")
        )
    except docker.errors.DockerException as error:
        raise EngineMissing(
            "the container engine does not answer",
            where=engine.host,
            found=str(error),
            remedy="mlperf-bake doctor",
        ) from error

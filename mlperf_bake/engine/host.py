"""Which daemon the docker CLI would talk to, read from its own settings without starting it (a few microseconds)."""

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path

from mlperf_bake.errors import EngineMissing

UNIX = "unix://"
"""What a daemon's URL begins with where it listens on a socket of this machine."""

DEFAULT_HOST = "unix:///var/run/docker.sock"

SYSTEM_HOSTS = (DEFAULT_HOST, "unix:///run/docker.sock")
"""Where this machine's own daemon listens; any other daemon is someone's choice, and not ours to install."""


def daemon_host(environ: Mapping[str, str] | None = None) -> str:
    """``DOCKER_HOST``, else the endpoint of the current docker context, else the default socket.

    Returns:
        A URL as docker writes them: ``unix:///path``, ``tcp://host:port`` or ``ssh://user@host``.

    Raises:
        EngineMissing: the current context does not exist, with which docker itself does nothing.
    """
    env = os.environ if environ is None else environ
    if env.get("DOCKER_HOST"):
        return env["DOCKER_HOST"]
    config = Path(env.get("DOCKER_CONFIG") or Path(env.get("HOME", "/")) / ".docker")
    context = env.get("DOCKER_CONTEXT") or _text(_json(config / "config.json"), "currentContext")
    if not context or context == "default":
        return DEFAULT_HOST
    name = hashlib.sha256(context.encode()).hexdigest()
    file = config / "contexts" / "meta" / name / "meta.json"
    if not file.exists():
        raise EngineMissing(
            "docker is set to a context that does not exist",
            where="DOCKER_CONTEXT" if env.get("DOCKER_CONTEXT") else str(config / "config.json"),
            found=context,
            expected="default, or one that docker context ls shows",
            remedy="unset DOCKER_CONTEXT" if env.get("DOCKER_CONTEXT") else "docker context use default",
        )
    meta = _json(file)
    endpoints = meta.get("Endpoints")
    docker = endpoints.get("docker") if isinstance(endpoints, dict) else None
    return _text(docker if isinstance(docker, dict) else {}, "Host") or DEFAULT_HOST


def _json(path: Path) -> dict[str, object]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _text(value: dict[str, object], key: str) -> str:
    found = value.get(key)
    return found if isinstance(found, str) else ""

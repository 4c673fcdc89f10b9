"""What the engine has built already, by fingerprint: one request to the daemon, whatever the number of cells."""

import http.client
import json
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from mlperf_bake.errors import EngineMissing

FINGERPRINT_LABEL = "org.mlperf-bake.fingerprint"

ANSWER_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image in the engine's store that one of our builds made.

    Attributes:
        id: ``sha256:`` and 64 hex digits.
        fingerprint: its label.
        tags: the references it has now.
        labels: all its labels, sorted by name.
    """

    id: str
    fingerprint: str
    tags: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]


def built_fingerprints(host: str) -> Mapping[str, str]:
    """Fingerprint to image id, for every image with a fingerprint label.

    Args:
        host: the daemon's URL, as ``Engine.host`` or ``daemon_host()``.

    Raises:
        EngineMissing: the daemon does not answer.
    """
    return {image.fingerprint: image.id for image in built_images(host).values()}


def built_images(host: str) -> Mapping[str, BuiltImage]:
    """Fingerprint to image; of several with one fingerprint, the newest.

    Raises:
        EngineMissing: the daemon does not answer.
    """
    filters = json.dumps({"label": {FINGERPRINT_LABEL: True}})
    if host.startswith("unix://"):
        listed = _over_socket(host.removeprefix("unix://"), f"/images/json?filters={quote(filters)}")
    else:
        listed = _over_docker_py(host)
    found: dict[str, BuiltImage] = {}
    for image in sorted(listed, key=lambda entry: int(str(entry.get("Created") or 0))):
        labels = image.get("Labels")
        tags = image.get("RepoTags")
        labels = labels if isinstance(labels, dict) else {}
        fingerprint = str(labels.get(FINGERPRINT_LABEL) or "")
        if fingerprint.startswith("sha256:"):
            found[fingerprint] = BuiltImage(
                id=str(image.get("Id")),
                fingerprint=fingerprint,
                tags=tuple(sorted(str(tag) for tag in tags)) if isinstance(tags, list) else (),
                labels=tuple(sorted((str(name), str(value)) for name, value in labels.items())),
            )
    return found


class _SocketConnection(http.client.HTTPConnection):
    """HTTP over a UNIX socket."""

    def __init__(self, path: str) -> None:
        super().__init__("engine", timeout=ANSWER_LIMIT_S)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


def _over_socket(path: str, url: str) -> list[dict[str, object]]:
    connection = _SocketConnection(path)
    try:
        connection.request("GET", url)
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise EngineMissing(
            "the container engine does not answer",
            where=f"unix://{path}",
            found=str(error),
            remedy="mlperf-bake doctor",
        ) from error
    finally:
        connection.close()
    if answer.status != http.client.OK:
        raise EngineMissing(
            "the container engine refused to list its images", found=body.decode(errors="replace")[:200]
        )
    listed = json.loads(body)
    return [image for image in listed if isinstance(image, dict)] if isinstance(listed, list) else []


def _over_docker_py(host: str) -> list[dict[str, object]]:
    import docker
    import docker.errors

    try:
        client = docker.APIClient(base_url=host, timeout=int(ANSWER_LIMIT_S))
        listed = client.images(filters={"label": FINGERPRINT_LABEL})
    except docker.errors.DockerException as error:
        raise EngineMissing(
            "the container engine does not answer", where=host, found=str(error), remedy="mlperf-bake doctor"
        ) from error
    return [dict(image) for image in listed]

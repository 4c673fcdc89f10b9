"""What the engine has built already, by fingerprint: all of it, or the images that some references name.

Listing costs by what the engine keeps, some 5 ms an image, looking names up by how many there are, as much each: a
build of a few cells must not pay for a full store.
"""

import contextlib
import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import quote

from mlperf_bake.engine.daemon_socket import ANSWER_LIMIT_S, DaemonSocket
from mlperf_bake.errors import EngineMissing
from mlperf_bake.plan.state import INGREDIENTS_LABEL, ROUND_LABEL, read_ingredients

CELL_LABEL = "org.mlperf-bake.cell"
FINGERPRINT_LABEL = "org.mlperf-bake.fingerprint"


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image in the engine's store that one of our builds made.

    Attributes:
        id: ``sha256:`` and 64 hex digits.
        fingerprint: its label.
        tags: the references it has now.
        labels: all its labels, sorted by name.
        size: bytes, as the engine reports it; layers that it shares with other images count too.
    """

    id: str
    fingerprint: str
    tags: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    size: int = 0


def built_fingerprints(host: str) -> Mapping[str, str]:
    """Fingerprint to image id, for every image with a fingerprint label.

    Args:
        host: the daemon's URL, as ``Engine.host`` or ``daemon_host()``.

    Raises:
        EngineMissing: the daemon does not answer.
    """
    return {image.fingerprint: image.id for image in built_images(host).values()}


def last_ingredients(built: Mapping[str, BuiltImage], round_name: str) -> dict[str, dict[str, str]]:
    """Cell id to the ingredients of the newest image of it that was built for a round.

    Args:
        built: from ``built_images``, oldest first.
    """
    labels = [dict(image.labels) for image in built.values()]
    return {
        one.get(CELL_LABEL, ""): read_ingredients(one.get(INGREDIENTS_LABEL, ""))
        for one in labels
        if one.get(ROUND_LABEL) in (None, round_name)
    }


def named_images(host: str, references: Iterable[str]) -> Mapping[str, BuiltImage]:
    """Fingerprint to image, for those of the references that name an image of ours; unknown ones are left out.

    Raises:
        EngineMissing: the daemon does not answer.
    """
    found: dict[str, BuiltImage] = {}
    for answer in _inspected(host, tuple(references)):
        config = answer.get("Config")
        image = _built({**answer, "Labels": config.get("Labels") if isinstance(config, dict) else None})
        if image:
            found[image.fingerprint] = image
    return found


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
    for entry in sorted(listed, key=lambda entry: int(str(entry.get("Created") or 0))):
        image = _built(entry)
        if image:
            found[image.fingerprint] = image
    return found


def _built(entry: Mapping[str, object]) -> BuiltImage | None:
    """An entry of the daemon's as one of ours, if it is."""
    labels, tags = entry.get("Labels"), entry.get("RepoTags")
    labels = labels if isinstance(labels, dict) else {}
    fingerprint = str(labels.get(FINGERPRINT_LABEL) or "")
    if not fingerprint.startswith("sha256:"):
        return None
    return BuiltImage(
        id=str(entry.get("Id")),
        fingerprint=fingerprint,
        tags=tuple(sorted(str(tag) for tag in tags)) if isinstance(tags, list) else (),
        labels=tuple(sorted((str(name), str(value)) for name, value in labels.items())),
        size=size if isinstance(size := entry.get("Size"), int) else 0,
    )


def _inspected(host: str, references: tuple[str, ...]) -> list[dict[str, object]]:
    if not host.startswith("unix://"):
        return _inspected_by_docker_py(host, references)
    with DaemonSocket(host.removeprefix("unix://")) as daemon:
        answers = (daemon.request("GET", f"/images/{quote(name)}/json") for name in references)
        return [entry for status, entry in answers if status == http.client.OK and isinstance(entry, dict)]


def _over_socket(path: str, url: str) -> list[dict[str, object]]:
    with DaemonSocket(path) as daemon:
        status, listed = daemon.request("GET", url)
    if status != http.client.OK:
        raise EngineMissing("the container engine refused to list its images", found=str(listed)[:200])
    return [image for image in listed if isinstance(image, dict)] if isinstance(listed, list) else []


def _inspected_by_docker_py(host: str, references: tuple[str, ...]) -> list[dict[str, object]]:
    import docker
    import docker.errors

    found: list[dict[str, object]] = []
    try:
        client = docker.APIClient(base_url=host, timeout=int(ANSWER_LIMIT_S))
        for name in references:
            with contextlib.suppress(docker.errors.ImageNotFound):
                found.append(dict(cast(Any, client).inspect_image(name)))
    except docker.errors.DockerException as error:
        raise EngineMissing(
            "the container engine does not answer", where=host, found=str(error), remedy="mlperf-bake doctor"
        ) from error
    return found


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

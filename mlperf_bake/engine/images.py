"""Images that the engine has, asked for by name: what the daemon tells of each, or of all whose names fit a pattern.

With containerd's store an image that is there costs the daemon some 5 ms to tell of, whether by its name or in a list, and
several at once are told of in half the time; a name that is not there costs a third of a millisecond. The docker CLI, which
takes 20 ms to start, is asked where the daemon is behind no UNIX socket: it knows of TLS, ssh and contexts.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from urllib.parse import quote

from mlperf_bake.engine.command import call
from mlperf_bake.engine.daemon_socket import DaemonSocket, answers
from mlperf_bake.engine.host import UNIX
from mlperf_bake.errors import EngineMissing

NAMES_A_CALL = 500
"""Arguments of one call of the CLI: far from what a process may be given."""
CALL_LIMIT_S = 60.0
NO_SUCH_IMAGE = "no such image"

Told = Mapping[str, object]
"""What the daemon tells of one image, in the words of its interface."""


def inspected(host: str, references: Iterable[str]) -> dict[str, Told]:
    """Reference to what the daemon tells of the image, for those that it has.

    Args:
        host: the daemon's URL, as ``Engine.host`` or ``daemon_host()``.

    Raises:
        EngineMissing: the daemon does not answer, or refuses.
    """
    names = tuple(dict.fromkeys(references))
    if not host.startswith(UNIX):
        return _inspected_by_cli(host, names)
    found: dict[str, Told] = {}
    urls = [f"/images/{quote(name)}/json" for name in names]
    for name, (status, answer) in zip(names, answers(host.removeprefix(UNIX), urls), strict=True):
        if status == HTTPStatus.OK and isinstance(answer, dict):
            found[name] = answer
        elif status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise _refused(host, f"{name}: {answer}")
    return found


def listed(socket: str, patterns: Sequence[str]) -> list[Told]:
    """What the daemon behind a UNIX socket tells of every image with a name that fits one of the patterns
    (``mlperf-bake/*``). ``Labels`` stand at the outermost level here, in ``Config`` where one image is told of.

    Raises:
        EngineMissing: the daemon does not answer, or refuses.
    """
    filters = quote(json.dumps({"reference": list(patterns)}))
    with DaemonSocket(socket) as daemon:
        status, found = daemon.request("GET", f"/images/json?filters={filters}")
    if status != HTTPStatus.OK:
        raise _refused(f"{UNIX}{socket}", str(found))
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _inspected_by_cli(host: str, names: Sequence[str]) -> dict[str, Told]:
    found: dict[str, Told] = {}
    for first in range(0, len(names), NAMES_A_CALL):
        found |= _one_call(host, names[first : first + NAMES_A_CALL])
    return found


def _one_call(host: str, names: Sequence[str]) -> dict[str, Told]:
    answer = call(("docker", "image", "inspect", *names), timeout=CALL_LIMIT_S)
    said = [line.strip() for line in answer.stderr.splitlines() if line.strip()]
    if not answer.ok and not (said and all(NO_SUCH_IMAGE in line.lower() for line in said)):
        raise _refused(host, answer.complaint)
    told = json.loads(answer.stdout or "[]")
    missing = {line.rpartition(": ")[2] for line in said}
    there = [name for name in names if missing.isdisjoint((name, f"{name}:latest"))]
    if len(names) == 1:
        return {names[0]: told[0]} if told else {}
    if len(there) != len(told):  # a daemon that spells the names that it lacks in another way
        return {known: one for name in names for known, one in _one_call(host, [name]).items()}
    return dict(zip(there, told, strict=True))


def _refused(host: str, found: str) -> EngineMissing:
    return EngineMissing(
        "the container engine does not tell of its images",
        where=host,
        found=found[:200],
        remedy="mlperf-bake doctor",
    )

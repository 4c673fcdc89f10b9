"""The digests of a base image, as its hub gives them now."""

from __future__ import annotations

import json
import re
from typing import Any

from mlperf_bake.engine.command import call
from mlperf_bake.errors import UsageError
from mlperf_bake.lock.pins import BasePin
from mlperf_bake.lock.unreachable import Unreachable

ANSWER_LIMIT_S = 60.0
_DIGEST = re.compile("sha256:[0-9a-f]{64}")
_GONE = re.compile(r"(?:not found|manifest unknown|name unknown|repository does not exist)\s*$", re.I)
_REFUSED = re.compile(r"unauthorized|forbidden|denied|authentication required", re.I)


def base_image(reference: str) -> BasePin:
    """The digest of what lies under a tag, and of the image of each platform in it.

    Errors:
        Unreachable: the hub cannot be reached, or there is no client to ask it with.
        UsageError: the hub answered, but has no such tag, or does not give it to this user.
    """
    answer = call(
        ["docker", "buildx", "imagetools", "inspect", "--format", "{{json .Manifest}}", reference],
        timeout=ANSWER_LIMIT_S,
    )
    if answer.ok:
        return _read(reference, answer.stdout)
    complaint = answer.complaint.removeprefix("ERROR: ")
    if _GONE.search(complaint):
        raise UsageError(
            "the hub has no such base image (any more)",
            where=reference,
            found=complaint,
            expected="a tag that the hub lists",
            remedy="name another tag in matrix.yaml, then `mlperf-bake lock`",
        )
    if _REFUSED.search(complaint):
        raise UsageError(
            "the hub does not give this base image to you",
            where=reference,
            found=complaint,
            remedy=f"docker login {reference.partition('/')[0]}, then `mlperf-bake lock`",
        )
    raise Unreachable(
        "the image hub cannot be reached",
        where=reference,
        found=complaint,
        remedy="run `mlperf-bake lock --update 'bases/*'` where `docker pull` works",
    )


def _read(reference: str, text: str) -> BasePin:
    try:
        manifest: Any = json.loads(text)
        digest = manifest["digest"]
        listed = {
            f"{entry['platform']['os']}/{entry['platform']['architecture']}": entry["digest"]
            for entry in manifest.get("manifests") or ()
        }
    except (ValueError, KeyError, TypeError, AttributeError):
        digest, listed = None, {}
    platforms = {name: found for name, found in listed.items() if name in ("linux/amd64", "linux/arm64")}
    if not all(isinstance(one, str) and _DIGEST.fullmatch(one) for one in (digest, *platforms.values())):
        raise UsageError(
            "the image hub gave no digest",
            where=reference,
            found=text.strip()[:120] or "nothing",
            expected="sha256: and 64 hex digits",
            remedy="check the tag in matrix.yaml, then `mlperf-bake lock`",
        )
    return BasePin(reference, digest, tuple(sorted(platforms.items())))

"""What a bundle holds, and whether all of it is there.

A bundle is a directory of plain files: ``blobs/sha256/HEX``, each named by its SHA-256, and ``bundle.json``, written last, which
says what they are: the base images, and BuildKit's cache of every stage of its cells. The cache is what became of each
fetch after its checksum was compared, so one form serves every package manager and registry.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mlperf_bake.cache.store import file_sha256
from mlperf_bake.errors import UsageError
from mlperf_bake.oci.layout import INDEXES, Descriptor, Layout, descriptor

SCHEMA = "mlperf-bake/bundle/1"
RECORD = "bundle.json"
BLOBS = "blobs"
SHOWN = 5
CACHE_CONFIG = "application/vnd.buildkit.cacheconfig.v0"


@dataclass(frozen=True, slots=True)
class BundledCell:
    """A cell that a bundle was made for."""

    cell: str
    platform: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class BundledBase:
    """A base image.

    Attributes:
        key: its key in matrix.lock.
        platform: ``linux/amd64``.
        reference: the engine's name for it.
        locked: whether it is the locked one of a hub, rather than made from packages.
        top: its index or manifest.
    """

    key: str
    platform: str
    reference: str
    locked: bool
    top: Descriptor


@dataclass(frozen=True)
class Bundle:
    """A whole bundle.

    Attributes:
        root: its directory.
        revision: of the checkout that it was made from; empty outside git.
        build_platform: of the machine that it was made on and is for.
        cells, bases: what it holds.
        caches: name of a cache entry to its index.
        blobs: digest to size of every file.
    """

    root: Path
    revision: str
    build_platform: str
    cells: tuple[BundledCell, ...]
    bases: tuple[BundledBase, ...]
    caches: Mapping[str, Descriptor]
    blobs: Mapping[str, int]


def blob_path(root: Path, digest: str) -> Path:
    """Where a bundle keeps a blob."""
    return root / BLOBS / Path(*digest.split(":", 1))


def write_bundle(bundle: Bundle) -> None:
    """Writes bundle.json in one step: from then on the bundle is whole."""
    value = {
        "schema": SCHEMA,
        "revision": bundle.revision,
        "build_platform": bundle.build_platform,
        "cells": [
            {"cell": one.cell, "platform": one.platform, "fingerprint": one.fingerprint}
            for one in bundle.cells
        ],
        "bases": [
            {
                "key": one.key,
                "platform": one.platform,
                "reference": one.reference,
                "locked": one.locked,
                "top": one.top.json(),
            }
            for one in bundle.bases
        ],
        "caches": {name: top.json() for name, top in bundle.caches.items()},
        "blobs": dict(bundle.blobs),
    }
    partial = bundle.root / f".{RECORD}.partial"
    partial.write_text(json.dumps(value, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    partial.replace(bundle.root / RECORD)


def open_bundle(root: Path) -> Bundle:
    """A bundle, every file of it read and compared with its checksum.

    Errors:
        UsageError: it is not whole; names the files that are missing, cut short or damaged.
    """
    bundle = read_bundle(root)
    faults = [
        f"{blob_path(root, digest).relative_to(root)}: {fault}"
        for digest, size in sorted(bundle.blobs.items())
        if (fault := blob_fault(root, digest, size))
    ]
    if faults:
        more = f", and {len(faults) - SHOWN} more" if len(faults) > SHOWN else ""
        raise UsageError(
            f"the bundle is not whole: {len(faults)} of its {len(bundle.blobs)} files are missing or damaged",
            where=str(root),
            found="; ".join(faults[:SHOWN]) + more,
            expected="every file of bundle.json with its size and checksum",
            remedy=f"copy it again (rsync -a goes on where it stopped), or, with a network: {make_again(bundle)}",
        )
    return bundle


def names_of(cells: Sequence[BundledCell]) -> str:
    """The first few of them."""
    more = f", and {len(cells) - SHOWN} more" if len(cells) > SHOWN else ""
    return ", ".join(one.cell for one in cells[:SHOWN]) + more


def make_again(bundle: Bundle) -> str:
    """The command that makes the missing rest of a bundle."""
    cells = " ".join(one.cell for one in bundle.cells[:SHOWN])
    return f"mlperf-bake bundle {cells}{' ...' if len(bundle.cells) > SHOWN else ''} --out {shlex.quote(str(bundle.root))}"


def blob_fault(root: Path, digest: str, size: int) -> str:
    """What is wrong with a blob; empty where nothing is."""
    file = blob_path(root, digest)
    try:
        found = file.stat().st_size
        if found != size:
            return f"{found} of {size} bytes"
        return "" if f"sha256:{file_sha256(file)}" == digest else "another checksum"
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        return error.strerror or str(error)


def read_bundle(root: Path) -> Bundle:
    """What bundle.json says; the files are not looked at.

    Errors:
        UsageError: there is none, or it is not one of this program's.
    """
    file = root / RECORD
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if not root.is_dir():
            raise UsageError(
                "there is no such directory",
                where=str(root),
                expected="the directory that mlperf-bake bundle --out wrote",
                remedy="correct --bundle",
            ) from error
        raise UsageError(
            "there is no whole bundle here: its last file is missing",
            where=str(file),
            expected="the directory that mlperf-bake bundle --out wrote",
            remedy="let mlperf-bake bundle end (the same command goes on), or copy the rest of it",
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(
            "the bundle cannot be read",
            where=str(file),
            found=str(error),
            remedy="copy it again, or make it again: mlperf-bake bundle TARGET --out DIR",
        ) from error
    try:
        return _bundle(root, value)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        found = value.get("schema") if isinstance(value, dict) else type(value).__name__
        raise UsageError(
            "not a bundle that this version reads",
            where=str(file),
            found=str(found),
            expected=SCHEMA,
            remedy="copy it again, or make it again with this version: mlperf-bake bundle TARGET --out DIR",
        ) from error


def _bundle(root: Path, value: Mapping[str, Any]) -> Bundle:
    if value["schema"] != SCHEMA:
        raise ValueError(value["schema"])
    return Bundle(
        root=root,
        revision=str(value["revision"]),
        build_platform=str(value["build_platform"]),
        cells=tuple(BundledCell(one["cell"], one["platform"], one["fingerprint"]) for one in value["cells"]),
        bases=tuple(
            BundledBase(
                one["key"], one["platform"], one["reference"], bool(one["locked"]), descriptor(one["top"])
            )
            for one in value["bases"]
        ),
        caches={_entry_name(name): descriptor(top) for name, top in value["caches"].items()},
        blobs={_digest(name): int(size) for name, size in value["blobs"].items()},
    )


def _entry_name(text: str) -> str:
    """The name of a cache entry, which is also a safe file name. Errors: ValueError where it is none."""
    if not re.fullmatch("[a-z0-9][a-z0-9._-]*", text):
        raise ValueError(text)
    return text


def _digest(text: str) -> str:
    """A digest that is also a safe file name. Errors: ValueError where it is none."""
    algorithm, _, digits = text.partition(":")
    if algorithm != "sha256" or len(digits) != 64 or not set(digits) <= set("0123456789abcdef"):
        raise ValueError(text)
    return text


def reachable(layout: Layout, tops: Iterable[Descriptor]) -> dict[str, int]:
    """Digest and size of every blob that these indexes and manifests lead to.

    An index may name platforms that a machine never had; what is not there is left out.
    """
    found: dict[str, int] = {}
    waiting = list(tops)
    while waiting:
        one = waiting.pop()
        if one.digest in found or not layout.blob(one.digest).is_file():
            continue
        found[one.digest] = one.size
        if one.media_type in INDEXES:
            waiting += map(descriptor, layout.read(one)["manifests"])
        elif one.media_type.endswith("manifest.v1+json") or one.media_type.endswith("manifest.v2+json"):
            image = layout.image(one)
            waiting += (image.config, *image.layers)
    return found

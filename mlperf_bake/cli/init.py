"""`init`: matrix and templates to be changed, outside a checkout."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from mlperf_bake.cli.output import print_line
from mlperf_bake.errors import UsageError
from mlperf_bake.program import shown

COPIED = ("matrix.yaml", "matrix.lock", "templates")
EXTENDED = ("matrix.yaml", "matrix.lock")
SCHEMA = "matrix.schema.json"
"""Copied beside the matrix, whose first line leads editors to it, so that the directory can go anywhere."""
SOURCES = ("harness", "mlperf_bake", "LICENSE", ".dockerignore")

EXTENDING = """\
# yaml-language-server: $schema=matrix.schema.json
#
# Adds to the matrix that mlperf-bake brings along; its page docs/adding.md shows what a value needs. A value with the
# name of a shipped one replaces it. After a change: `mlperf-bake lock`, which asks a registry only for what is new.
extends: shipped
version: 1

# A network of yours, trained elsewhere; `mlperf-bake build mynet --context weights=DIRECTORY-OF-THE-FILE` takes it:
#
# models:
#   mynet:
#     title: what it is
#     license: Apache-2.0
#     source: where it comes from
#     benchmark: resnet                       # whose rules count
#     loadgen_model: resnet50                 # its name in LoadGen's settings
#     division: open
#     task: image-classification
#     precision: fp32
#     weights: {file: mynet.onnx, sha256: "0000000000000000000000000000000000000000000000000000000000000000"}
#     input: {name: images, shape: 3x224x224, dtype: float32}
#     output: {name: logits, kind: scores, classes: 1000, label_offset: 0}
#     preprocessing: imagenet-lite-224        # `mlperf-bake data list` shows which there are
#     sample_data: imagenet-20
"""


def init(
    directory: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="Where to.", show_default=False)
    ] = Path(),
    extend: Annotated[
        bool, typer.Option("--extend", help="Begin a matrix of your own values beside the shipped ones.")
    ] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="Copy what images are built from too: harness, recipes.")
    ] = False,
) -> None:
    """Copy matrix and templates here, to be changed."""
    from mlperf_bake.shipped import PACKAGE, page, shipped_root

    root = shipped_root()
    names = (*(EXTENDED if extend else COPIED), SCHEMA, *(SOURCES if sources else ()))
    place = directory.expanduser().absolute()
    if there := [name for name in names if (place / name).exists()]:
        raise UsageError(
            "init overwrites nothing",
            where=shown(place),
            found=f"{', '.join(there)} there already",
            remedy="choose an empty directory: mlperf-bake init DIR",
        )
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        if name == "matrix.yaml":
            text = EXTENDING if extend else _beside((root / name).read_text(encoding="utf-8"))
            (place / name).write_text(text, encoding="utf-8")
        elif name == SCHEMA:
            (place / name).write_text(_schema(PACKAGE / "matrix" / SCHEMA, extend), encoding="utf-8")
        elif (root / name).is_dir():
            shutil.copytree(
                root / name, place / name, ignore=shutil.ignore_patterns("__pycache__", "*.pyc", "shipped")
            )
        else:
            shutil.copyfile(root / name, place / name)
    print_line(f"{shown(place)}: {', '.join(names)}")
    print_line("next: change them, then `mlperf-bake lock` and `mlperf-bake plan`")
    print_line(f"how a value is added: {page('adding.md')}")


def _beside(text: str) -> str:
    """A matrix whose first line leads editors to the schema beside it."""
    return re.sub(r"(?m)^(# yaml-language-server: \$schema=).*$", rf"\g<1>{SCHEMA}", text, count=1)


def _schema(path: Path, extend: bool) -> str:
    """The schema for editors; of a matrix that extends the shipped one, where every part may be left out."""
    text = path.read_text(encoding="utf-8")
    if not extend:
        return text
    schema = json.loads(text)
    schema["required"] = ["extends", "version"]
    return json.dumps(schema, indent=2) + "\n"

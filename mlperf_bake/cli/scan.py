"""`scan`: what should not be in an image."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import print_json, print_line, print_table
from mlperf_bake.errors import CheckFailed


def scan(
    image: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE", help="A reference that the engine has, or the directory of an OCI layout."
        ),
    ],
    inherited: Annotated[
        bool, typer.Option("--inherited", help="Show what the base image brings too; that never fails.")
    ] = False,
    json: Json = False,
) -> None:
    """Look through every layer for setuid files, world-writable places, package caches and secrets."""
    from mlperf_bake.engine.find import find_engine
    from mlperf_bake.engine.saved import save_layout
    from mlperf_bake.engine.secrets import host_secrets, passwords
    from mlperf_bake.oci.layout import Layout
    from mlperf_bake.oci.scan import scan as look_through

    secrets = passwords(host_secrets())
    with tempfile.TemporaryDirectory(prefix="mlperf-bake-scan-") as scratch:
        given = Path(image)
        place = (
            given
            if (given / "index.json").is_file()
            else save_layout(find_engine(), image, Path(scratch) / "image")
        )
        layout = Layout(place)
        found = [finding for one in layout.images() for finding in look_through(layout, one, secrets)]
    own = [finding for finding in found if not finding.inherited]
    shown = found if inherited else own
    if json:
        print_json(
            {
                "image": image,
                "findings": [
                    {
                        "rule": one.rule,
                        "path": one.path,
                        "layer": one.layer,
                        "found": one.found,
                        "inherited": one.inherited,
                    }
                    for one in shown
                ],
            }
        )
    else:
        if shown:
            rows = [[one.rule, str(one.layer), one.found, one.path] for one in shown]
            print_table(["rule", "layer", "found", "path"], rows)
        print_line(f"{image}: {len(own)} of its own, {len(found) - len(own)} from its base image")
    if own:
        raise CheckFailed(
            f"{len(own)} things are in the image that should not be",
            where=image,
            found="; ".join(f"{one.rule}: {one.path}" for one in own[:5]),
            remedy="see which step made the layer (docker history --no-trunc), and mend its template",
        )

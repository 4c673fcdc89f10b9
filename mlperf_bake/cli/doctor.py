"""`doctor`: what this machine lacks, and the command that mends it."""

from __future__ import annotations

from typing import Annotated

import typer

from mlperf_bake.cli.options import Json
from mlperf_bake.cli.output import note, print_json, print_line
from mlperf_bake.errors import DiskFull, EngineMissing, UsageError
from mlperf_bake.program import pasteable

PLATFORMS = ("linux/amd64", "linux/arm64")
SIGNS = {"ok": "✓", "note": "-", "missing": "✗"}


def doctor(
    mend: Annotated[
        bool,
        typer.Option(
            "--mend",
            help="Install and start what is missing (root, on Debian and Ubuntu); drop build cache where disk is short.",
        ),
    ] = False,
    platform: Annotated[
        list[str] | None,
        typer.Option(
            "--platform",
            metavar="linux/ARCH",
            help="A platform whose images are to run here.",
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Show what is missing on this machine and the command that mends it."""
    from mlperf_bake.engine.checkup import check_machine

    wanted = tuple(platform or ())
    if unknown := [one for one in wanted if one not in PLATFORMS]:
        raise UsageError(
            "--platform names no platform that images are built for",
            found=", ".join(unknown),
            expected=" or ".join(PLATFORMS),
        )
    if mend:
        _mend(wanted)
    findings = check_machine(wanted or PLATFORMS)
    if json:
        print_json(
            [
                {"name": one.name, "state": one.state, "found": one.found, "remedy": pasteable(one.remedy)}
                for one in findings
            ]
        )
    else:
        for one in findings:
            print_line(f"{SIGNS[one.state]} {one.name:<18} {one.found}")
            if one.remedy:
                print_line(f"  {'':<18} remedy: {one.remedy}")
    missing = [one for one in findings if one.state == "missing"]
    if missing:
        kind = DiskFull if missing[0].name == "disk" else EngineMissing
        raise kind(
            f"{len(missing)} {'thing is' if len(missing) == 1 else 'things are'} missing",
            found=", ".join(one.name for one in missing),
            remedy=missing[0].remedy,
        )


def _mend(platforms: tuple[str, ...]) -> None:
    from mlperf_bake.engine.bootstrap import ensure_engine
    from mlperf_bake.engine.disk import COMFORTABLE
    from mlperf_bake.engine.emulation import enable_emulation
    from mlperf_bake.engine.reclaim import reclaim

    engine = ensure_engine(note)
    reclaim(engine, COMFORTABLE, note)
    for platform in platforms:
        enable_emulation(platform, engine, note)

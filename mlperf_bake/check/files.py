"""Writes the forms of a verdict that are files: SARIF, JUnit, HTML. Each is written whole or not at all."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from mlperf_bake.check.official import OfficialVerdict
from mlperf_bake.check.verdict import Verdict
from mlperf_bake.errors import UsageError
from mlperf_bake.results.written import takes_file

FORMS: Final = ("sarif", "junit", "html")


def refuse_places(places: Mapping[str, Path], tree: Path) -> None:
    """Refuses places that no report can be written to, before anything is judged.

    Raises:
        UsageError: in the tree itself, in no directory, or two forms in one file.
    """
    taken: dict[Path, str] = {}
    for form, path in places.items():
        whole = path.resolve()
        if whole.is_relative_to(tree.resolve()):
            problem, expected = "the report would lie in the tree that it judges", "a place outside of it"
        elif not takes_file(path):
            problem, expected = "the report cannot be written there", "a file in a directory that exists"
        elif whole in taken:
            problem, expected = f"the same file as for --{taken[whole]}", "a file for each form"
        else:
            taken[whole] = form
            continue
        raise UsageError(problem, where=f"--{form} {path}", expected=expected)


def write(form: str, path: Path, verdict: Verdict, official: OfficialVerdict | None = None) -> None:
    """Writes one form of a verdict.

    Args:
        form: one of ``FORMS``.
        path: of the file; replaced where it exists.

    Raises:
        OSError: the system refuses it; the file is then as it was.
    """
    unfinished = path.with_name(f".{path.name}.partial-{os.getpid()}")
    try:
        unfinished.write_bytes(_content(form, verdict, official))
        unfinished.replace(path)
    except OSError as error:
        error.filename = error.filename or str(path)  # a write that finds no room does not say where
        raise
    finally:
        unfinished.unlink(missing_ok=True)


def _content(form: str, verdict: Verdict, official: OfficialVerdict | None) -> bytes:
    if form == "sarif":
        from mlperf_bake.check.sarif import as_sarif

        return (json.dumps(as_sarif(verdict), indent=1) + "\n").encode()
    if form == "junit":
        from mlperf_bake.check.junit import as_junit

        return as_junit(verdict)
    from mlperf_bake.check.page import as_page

    return (as_page(verdict, official) + "\n").encode()

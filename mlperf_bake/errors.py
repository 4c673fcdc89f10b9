"""Every failure a user can meet, one class an exit code (docs/contracts.md, "Exit codes").

A failure is a sentence saying what is wrong, where, what was found, what was expected, and what to do about it.
The command line prints it and exits with ``exit_code``; nothing here is ever shown as a traceback.
"""

from typing import ClassVar

from mlperf_bake.program import pasteable


class BakeError(Exception):
    """A failure with a remedy.

    Args:
        problem: one sentence, no full stop needed, in the user's words.
        where: the file (and ``:line:column``), image, volume or cell it concerns.
        found: what was there instead.
        expected: what should have been there.
        remedy: what to do, best a command to type; ``mlperf-bake`` in it is spelt as this user can call it.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        problem: str,
        *,
        where: str | None = None,
        found: str | None = None,
        expected: str | None = None,
        remedy: str | None = None,
    ) -> None:
        super().__init__(problem)
        self.problem = problem
        self.where = where
        self.found = found
        self.expected = expected
        self.remedy = pasteable(remedy) if remedy else remedy

    def __str__(self) -> str:
        lines = [f"{self.where}: {self.problem}" if self.where else self.problem]
        for label, value in (("found", self.found), ("expected", self.expected), ("remedy", self.remedy)):
            if value:
                lines.append(f"  {label + ':':<9} {value}")
        return "\n".join(lines)


class UsageError(BakeError):
    """A wrong option, value, target or configuration file: nothing was started."""

    exit_code = 2


class NothingSelected(BakeError):
    """The selection is valid but no cell, result or file matches it."""

    exit_code = 3


class Stale(BakeError):
    """matrix.lock or a rendered Dockerfile does not belong to the matrix and templates as they are now."""

    exit_code = 4


class BuildFailed(BakeError):
    """At least one image was not built; the failure table has been printed."""

    exit_code = 5


class RunFailed(BakeError):
    """A benchmark run did not finish and no result was recorded, or it is recorded and LoadGen calls it INVALID."""

    exit_code = 6


class EngineMissing(BakeError):
    """No container engine, no buildx, or one too old."""

    exit_code = 7


class DiskFull(BakeError):
    """Not enough room for what was asked."""

    exit_code = 8


class CheckFailed(BakeError):
    """The tree was read in full and breaks at least one rule."""

    exit_code = 9


class Interrupted(BakeError):
    """The user stopped it (Ctrl-C or SIGTERM); the same command goes on from there."""

    exit_code = 130

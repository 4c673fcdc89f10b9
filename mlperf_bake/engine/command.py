"""One finished external command as a value; always an argument list, never a shell string."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

NOT_FOUND = 127
TIMED_OUT = 124


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left behind.

    Attributes:
        argv: the argument list.
        exit_code: its exit code; 127 when there is no such program, 124 when it ran past its time.
        stdout: decoded as UTF-8, undecodable bytes replaced.
        stderr: likewise; for 127 and 124 a sentence of ours.
    """

    argv: tuple[str, ...]
    exit_code: int
    stdout: str
    stderr: str

    @property
    def ok(self) -> bool:
        return self.exit_code == 0

    @property
    def complaint(self) -> str:
        """The last non-empty line of what it said, for a sentence in an error."""
        lines = [line.strip() for line in (self.stderr + "\n" + self.stdout).splitlines() if line.strip()]
        stderr = [line.strip() for line in self.stderr.splitlines() if line.strip()]
        return (stderr or lines or [f"exit code {self.exit_code}"])[-1]


def call(
    argv: Sequence[str],
    *,
    timeout: float = 60.0,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
) -> Finished:
    """Run a command to its end and return what it left, whatever its exit code.

    Args:
        argv: program and arguments.
        timeout: seconds after which it is killed.
        env: variables added to this process's environment.
        stdin: text for its standard input; none is given otherwise.
    """
    try:
        done = subprocess.run(
            list(argv),
            input=stdin if stdin is not None else "",
            capture_output=True,
            timeout=timeout,
            check=False,
            encoding="utf-8",
            errors="replace",
            env={**os.environ, **env} if env else None,
        )
    except (FileNotFoundError, PermissionError) as error:
        return Finished(tuple(argv), NOT_FOUND, "", f"{argv[0]}: {error.strerror}")
    except subprocess.TimeoutExpired:
        return Finished(tuple(argv), TIMED_OUT, "", f"{argv[0]}: no answer within {timeout:.0f} s")
    return Finished(tuple(argv), done.returncode, done.stdout, done.stderr)

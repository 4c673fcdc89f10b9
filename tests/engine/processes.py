"""Start the driver, wait until it says something, and read what it says."""

import pickle
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

DRIVER = Path(__file__).with_name("driver.py")
LIMIT_S = 60.0


class Driven:
    """A driver under way; its output is in a file, so it never blocks."""

    def __init__(self, folder: Path, request: tuple[object, ...]) -> None:
        file = folder / "request.pickle"
        file.write_bytes(pickle.dumps(request))
        self._output = folder / "output.txt"
        with self._output.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, str(DRIVER), str(file)], stdout=output, stderr=subprocess.STDOUT
            )

    @property
    def output(self) -> str:
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, text: str) -> None:
        """Returns when the driver has said it; fails after a minute or when it ended without."""
        started = time.monotonic()
        while text not in self.output:
            assert self.process.poll() is None, f"ended without {text!r}:\n{self.output}"
            assert time.monotonic() - started < LIMIT_S, f"no {text!r} in {LIMIT_S:.0f} s:\n{self.output}"
            time.sleep(0.05)


@contextmanager
def driven(folder: Path, *request: object) -> Iterator[Driven]:
    """A driver that is killed at the end, whatever happens."""
    folder.mkdir(parents=True, exist_ok=True)
    running = Driven(folder, request)
    try:
        yield running
    finally:
        if running.process.poll() is None:
            running.process.kill()
            running.process.wait()


def command_lines() -> list[str]:
    """The command line of every process, as the kernel has it."""
    found = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(file.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:  # it ended meanwhile
            continue
    return found

"""A run measured by the official power client (``power_client`` of mlcommons/power-dev, which the user has installed).

The client runs a command twice, once to set the analyser's ranges and once measured, and takes LoadGen's logs from where
that leaves them; here the command is `mlperf-bake run` itself. What the client gathered is then put into the directory of
the measured run: ``power/``, ``ranging/`` and ``spl.txt``, for `collect` to place. Tested against a stand-in for the
client; never run with a real analyser. Options of the client: power-dev at c4b3ad82, ptd_client_server/lib/client.py.
"""

import os
import shlex
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from mlperf_bake.errors import RunFailed, UsageError
from mlperf_bake.results.run import DETAIL, MANIFEST, RANGING

CLIENT: Final = "power_client"
PORT: Final = 4950
_POWER: Final = "power"
_RUN: Final = "run_1"
_SAMPLES: Final = "spl.txt"


@dataclass(frozen=True, slots=True)
class PowerServer:
    """Where the analyser's server listens, and the clock that both sides keep to."""

    host: str
    port: int
    ntp: str


def power_server(text: str, ntp: str) -> PowerServer:
    """``HOST`` or ``HOST:PORT``.

    Raises:
        UsageError: neither, or no NTP server is named.
    """
    host, _, port = text.partition(":")
    if not host or (port and not (port.isascii() and port.isdigit() and 0 < int(port) < 2**16)):
        raise UsageError("no power server", found=repr(text), expected="HOST or HOST:PORT")
    if not ntp:
        raise UsageError(
            "the power client needs a time server that both machines keep to",
            expected="--ntp HOST",
            remedy=f"--power {text} --ntp HOST",
        )
    return PowerServer(host, int(port) if port else PORT, ntp)


def measure(workload: Sequence[str], results: Path, server: PowerServer, client: str = CLIENT) -> Path:
    """Has the client run a workload under measurement; gives the run's directory, which holds the measurement then.

    Args:
        workload: a command that leaves a run of ours below ``results``.
        results: a directory; the client's own goes beside it, and away at the end.

    Raises:
        UsageError: there is no such client.
        RunFailed: the client failed, or what it gathered is of no run in ``results``.
    """
    program = shutil.which(client)
    if program is None:
        raise UsageError(
            "there is no power client",
            found=f"no {client}",
            expected=f"{CLIENT} of mlcommons/power-dev, by PATH or by --power-client",
            remedy="install the power client and server of mlcommons/power-dev as its README says",
        )
    gathered = results.with_name(f"{results.name}.power-{os.getpid()}")
    arguments = [
        *(program, "--addr", server.host, "--port", str(server.port), "--ntp", server.ntp),
        *("--no-timestamp-path", "--loadgen-logs", str(results), "--output", str(gathered)),
        *("--run-workload", shlex.join(workload)),
    ]
    code = subprocess.run(arguments, check=False).returncode
    if code != 0:
        raise RunFailed(
            "the power client failed",
            where=program,
            found=f"exit code {code}; its words stand above, what it left is in {gathered}",
            remedy="mend what it names and measure again",
        )
    run = _measured_run(results, gathered)
    for source, name in ((_POWER, _POWER), (RANGING, RANGING), (f"{_RUN}/{_SAMPLES}", _SAMPLES)):
        (gathered / source).rename(run / name)
    shutil.rmtree(gathered)
    return run


def _measured_run(results: Path, gathered: Path) -> Path:
    """The run whose log the client took for the measured one."""
    wanted = [gathered / _POWER, gathered / RANGING, gathered / _RUN / DETAIL, gathered / _RUN / _SAMPLES]
    missing = [path.relative_to(gathered).as_posix() for path in wanted if not path.exists()]
    run = None if missing else next(_with_log(results, (gathered / _RUN / DETAIL).read_bytes()), None)
    if run is None:
        raise RunFailed(
            "what the power client gathered belongs to no run",
            where=str(gathered),
            found=f"no {', '.join(missing)}" if missing else f"no run in {results} has its {DETAIL}",
            remedy="measure again",
        )
    return run


def _with_log(results: Path, log: bytes) -> Iterator[Path]:
    for path in results.glob(f"*/{MANIFEST}"):
        detail = path.with_name(DETAIL)
        if detail.is_file() and detail.stat().st_size == len(log) and detail.read_bytes() == log:
            yield path.parent

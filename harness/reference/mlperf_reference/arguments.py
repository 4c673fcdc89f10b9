"""The options of the image contract, and LoadGen's user.conf that they become."""

from __future__ import annotations

import argparse
import os
import re
import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from mlperf_reference.cell import Cell
from mlperf_reference.failure import USAGE, Failure

SCENARIOS = ("SingleStream", "MultiStream", "Server", "Offline")
MODES = "performance, accuracy or compliance/TESTnn"
LATENCY = {"Server": "target_latency", "SingleStream": "target_latency", "MultiStream": "target_latency"}
RATE = {"Server": "target_qps", "Offline": "target_qps"}


class Parser(argparse.ArgumentParser):
    """Says what is wrong in one sentence, with the contract's exit code."""

    def error(self, message: str) -> NoReturn:
        raise Failure(USAGE, f"{message}; --help lists the options.")


def parse(words: list[str]) -> argparse.Namespace:
    """The options. Errors: Failure with USAGE."""
    parser = Parser(prog="mlperf-reference", description=__doc__, allow_abbrev=False)
    parser.add_argument("--scenario", required=True, choices=SCENARIOS)
    parser.add_argument("--mode", required=True, type=_mode, help=MODES)
    parser.add_argument(
        "--data", required=True, type=Path, help="directory as the reference implementation reads it"
    )
    parser.add_argument("--results", type=Path, default=Path("/results"))
    parser.add_argument("--run-id", default="")
    parser.add_argument("--cell", type=Path, default=Path("/opt/mlperf-bake/cell.conf"))
    parser.add_argument(
        "--duration", type=_positive, metavar="SECONDS", help="at least this long; LoadGen's own without"
    )
    parser.add_argument("--min-queries", type=int, metavar="N")
    parser.add_argument("--target-qps", type=_positive, metavar="Q")
    parser.add_argument("--target-latency-ms", type=_positive, metavar="L")
    parser.add_argument("--progress", choices=("plain", "json", "none"), default="plain")
    options = parser.parse_args(words)
    if options.target_qps and options.scenario not in RATE:
        parser.error(f"--target-qps has no meaning in {options.scenario}")
    if not options.run_id:
        mode = options.mode.lower().replace("/", "-")
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
        options.run_id = f"{now}-{options.scenario.lower()}-{mode}-{secrets.token_hex(3)}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,120}", options.run_id):
        parser.error(f"--run-id {options.run_id!r} is no name of a directory")
    options.data, options.results = Path.cwd() / options.data, Path.cwd() / options.results
    return options


def _mode(text: str) -> str:
    if not re.fullmatch(r"performance|accuracy|compliance/TEST[0-9]{2}", text):
        raise argparse.ArgumentTypeError(f"expected {MODES}, found {text!r}")
    return text


def compliance_test(options: argparse.Namespace) -> str:
    """The test that a compliance run is of; empty for other runs."""
    return str(options.mode).partition("/")[2]


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < 1e12:
        raise ValueError
    return value


def user_conf(options: argparse.Namespace) -> str:
    """LoadGen's user.conf: one line a setting that the user gave."""
    scenario = options.scenario
    lines = []
    if options.duration is not None:
        lines.append(f"*.{scenario}.min_duration = {round(options.duration * 1000)}")
        lines.append(f"*.{scenario}.min_query_count = {options.min_queries or 1}")
    elif options.min_queries is not None:
        lines.append(f"*.{scenario}.min_query_count = {options.min_queries}")
    if options.target_qps is not None:
        lines.append(f"*.{scenario}.target_qps = {options.target_qps:g}")
    if options.target_latency_ms is not None:
        lines.append(f"*.{scenario}.target_latency = {options.target_latency_ms:g}")
    return "".join(f"{line}\n" for line in lines)


def program_words(cell: Cell, options: argparse.Namespace, out: Path, conf: Path) -> list[str]:
    """The arguments of the reference implementation's program."""
    mode = "accuracy" if options.mode == "accuracy" else "performance"
    words = cell.words("reference_arguments") + cell.words(f"reference_{mode}")
    return [fill(word, cell, options, out, conf) for word in words]


def fill(word: str, cell: Cell, options: argparse.Namespace, out: Path, conf: Path) -> str:
    """A word with what the run gives put in: for ``{weights}``, ``{data}``, ``{scenario}``, ``{out}``, ``{user_conf}``
    and ``{cpus}``, how many processors it may use."""
    given = {
        "weights": cell.root / "weights",
        "data": options.data,
        "scenario": options.scenario,
        "out": out,
        "user_conf": conf,
        "cpus": len(os.sched_getaffinity(0)),
    }
    for name, value in given.items():
        word = word.replace(f"{{{name}}}", str(value))
    return word

"""Other harnesses over the same weights, samples, ONNX Runtime and LoadGen, made of their makers' own sources as they are.

None is carried here: ``INFERENCE`` names a checkout of mlcommons/inference, whose Python harness is MLPerf's reference, and
``AUTOMATIONS`` one of mlcommons/mlperf-automations, which has the modular C++ harness. Both know ResNet50, so they get
EfficientNet-Lite0 under its names: input ``input_tensor:0``, output ``ArgMax:0``.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.results.loadgen_log import read_detail
from tests.bench.harness_programs import BUILD, Programs
from tests.bench.watched import watched

INFERENCE, AUTOMATIONS = "MLPERF_INFERENCE", "MLPERF_AUTOMATIONS"
"""Variables that name the checkouts."""
REFERENCE = "vision/classification_and_detection/python/main.py"
MODULAR = "script/app-mlperf-inference-mlcommons-cpp"
WORK = BUILD / "rivals"
REQUIREMENTS = Path(__file__).with_name("reference.requirements.txt")
SAMPLES = 20
RENAMED = """
import sys
import numpy
import onnx

source, samples, labels, out = sys.argv[1:]
network = onnx.load(source)
graph = network.graph
given, scores = graph.input[0].name, graph.output[0].name
for node in graph.node:
    node.input[:] = ["input_tensor:0" if name == given else name for name in node.input]
graph.input[0].name = "input_tensor:0"
graph.node.append(onnx.helper.make_node("ArgMax", [scores], ["ArgMax:0"], axis=1, keepdims=0))
del graph.output[:]
graph.output.append(onnx.helper.make_tensor_value_info("ArgMax:0", onnx.TensorProto.INT64, ["N"]))
onnx.save(network, f"{out}/network.onnx")
rows = numpy.fromfile(samples, dtype="<f4").reshape(-1, 3, 224, 224)
lines = []
for number, (row, label) in enumerate(zip(rows, numpy.fromfile(labels, dtype="<i4"), strict=True)):
    numpy.save(f"{out}/s{number:02}.npy", row)
    lines.append(f"s{number:02} {label}")
for name in ("val_map.txt", "val.txt"):
    open(f"{out}/{name}", "w").write("\\n".join(lines) + "\\n")
"""
"""Run with the rival's own Python, which has onnx: the network under ResNet50's names, and the prepared samples as files."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One run of a rival: samples/s (Offline) or the median latency in ns (SingleStream), its most memory in bytes, and the
    version of LoadGen that wrote its log."""

    figure: float
    peak_bytes: int
    loadgen: str


Run = Callable[[str, float, float], Seen]
"""One run: the scenario, seconds, and the samples/s that it is told to expect."""


@dataclass(frozen=True, slots=True)
class Rival:
    """A harness in one setting.

    Attributes:
        name: with its setting, for people.
        scenarios: what it is measured in.
        revision: of its sources.
    """

    name: str
    scenarios: tuple[str, ...]
    revision: str
    run: Run


def rivals(programs: Programs) -> list[Rival]:
    """All of them, built; fast when done before.

    Raises:
        SystemExit: a checkout is not named, or is none.
    """
    inference = _checkout(INFERENCE, REFERENCE, "mlcommons/inference")
    automations = _checkout(AUTOMATIONS, MODULAR, "mlcommons/mlperf-automations")
    python = _python()
    data = _renamed(python, programs)
    modular = _compiled(automations, programs)
    both, batches = ("Offline", "SingleStream"), ("Offline",)
    reference, cpp = "MLCommons reference (Python)", "MLCommons modular C++"

    def of_reference(*options: str) -> Run:
        return lambda *run: _reference(python, inference, data, run, options)

    def of_modular(batch: int) -> Run:
        return lambda *run: _modular(modular, data, programs.lib, run, batch)

    return [
        Rival(f"{reference}, as it comes", both, _revision(inference), of_reference()),
        Rival(
            f"{reference}, --threads 1 --max-batchsize 1",
            batches,
            _revision(inference),
            of_reference("--threads", "1", "--max-batchsize", "1"),
        ),
        Rival(f"{cpp}, as it comes", both, _revision(automations), of_modular(32)),
        Rival(f"{cpp}, batch 1", batches, _revision(automations), of_modular(1)),
    ]


def named() -> bool:
    """Whether both checkouts are named."""
    return all(os.environ.get(variable) for variable in (INFERENCE, AUTOMATIONS))


def _checkout(variable: str, holds: str, of: str) -> Path:
    directory = Path(os.environ.get(variable, ""))
    if not os.environ.get(variable) or not (directory / holds).exists():
        raise SystemExit(
            f"the section rivals needs a checkout of {of}: {variable}=DIR make bench SECTIONS=rivals"
        )
    return directory.resolve()


def _revision(checkout: Path) -> str:
    asked = subprocess.run(
        ["git", "-C", checkout, "rev-parse", "--short=12", "HEAD"], check=True, capture_output=True, text=True
    )
    return asked.stdout.strip()


def _python() -> Path:
    """An environment with what the reference imports."""
    environment = WORK / "venv"
    made = environment / ".made"
    if not (made.is_file() and made.read_bytes() == REQUIREMENTS.read_bytes()):
        shutil.rmtree(environment, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        install = (
            "-m",
            "pip",
            "--disable-pip-version-check",
            "install",
            "--quiet",
            "--requirement",
            REQUIREMENTS,
        )
        subprocess.run([environment / "bin" / "python", *install], check=True)
        made.write_bytes(REQUIREMENTS.read_bytes())
    return environment / "bin" / "python"


def _renamed(python: Path, programs: Programs) -> Path:
    """The directory with the network and the samples as the rivals read them."""
    data = WORK / "data"
    shutil.rmtree(data, ignore_errors=True)
    data.mkdir(parents=True)
    weights = next((programs.cell.parent / "weights").glob("*.onnx"))
    source = (str(weights), str(programs.data / "samples.bin"), str(programs.data / "labels.bin"), str(data))
    subprocess.run([python, "-c", RENAMED, *source], check=True)
    return data


def _compiled(automations: Path, programs: Programs) -> Path:
    """The modular C++ harness with the flags that its script sets, over the LoadGen and ONNX Runtime of the cell."""
    sources, parts = automations / MODULAR, programs.cell.parent
    program = WORK / "modular"
    defines = ("MLC_MODEL_RESNET50", "MLC_MLPERF_BACKEND_ONNXRUNTIME", "MLC_MLPERF_DEVICE_CPU")
    include = (sources / "inc", parts / "include", parts / "include" / "onnxruntime", parts / "loadgen")
    library = next(programs.lib.glob("libonnxruntime.so.*.*"))
    subprocess.run(
        [
            "c++",
            "-O3",
            "-std=c++17",
            "-w",
            *(f"-D{name}" for name in defines),
            *(f"-I{directory}" for directory in include),
            sources / "src" / "main.cpp",
            programs.build / "libmlperf_loadgen.a",
            library,
            "-lpthread",
            "-o",
            program,
        ],
        check=True,
    )
    return program


def _settings(data: Path, seconds: float, rate: float) -> Path:
    """A user.conf for a short run over all samples."""
    lines = (
        f"*.*.performance_sample_count_override = {SAMPLES}",
        f"*.*.min_duration = {seconds * 1000:.0f}",
        "*.*.min_query_count = 1",
        f"*.Offline.target_qps = {rate:.1f}",
        "*.SingleStream.target_latency = 2",
    )
    file = data / "user.conf"
    file.write_text("\n".join(lines) + "\n")
    return file


def _reference(
    python: Path, checkout: Path, data: Path, run: tuple[str, float, float], options: tuple[str, ...]
) -> Seen:
    scenario, seconds, rate = run
    out = _empty(data / "reference")
    words = ("--profile", "resnet50-onnxruntime", "--model", data / "network.onnx", "--dataset-path", data)
    prepared = ("--use_preprocessed_dataset", "--preprocessed_dir", data)
    files = ("--user_conf", _settings(data, seconds, rate), "--output", out)
    _, peak = watched(
        python,
        str(checkout / REFERENCE),
        *map(str, (*words, *prepared, *files)),
        "--scenario",
        scenario,
        *options,
        cwd=out,
    )
    return _seen(out, scenario, peak)


def _modular(program: Path, data: Path, lib: Path, run: tuple[str, float, float], batch: int) -> Seen:
    scenario, seconds, rate = run
    out = _empty(data / "modular")
    settings = {
        "MLC_MLPERF_USER_CONF": _settings(data, seconds, rate),
        "MLC_MLPERF_OUTPUT_DIR": out,
        "MLC_MODEL": "resnet50",
        "MLC_ML_MODEL_FILE_WITH_PATH": data / "network.onnx",
        "MLC_DATASET_PREPROCESSED_PATH": data,
        "MLC_DATASET_AUX_PATH": data,
        "MLC_MLPERF_LOADGEN_SCENARIO": scenario,
        "MLC_MLPERF_LOADGEN_PERFORMANCE_SAMPLE_COUNT": SAMPLES,
        "MLC_MLPERF_LOADGEN_MAX_BATCHSIZE": batch,
        "LD_LIBRARY_PATH": lib,
    }
    _, peak = watched(program, cwd=out, variables={name: str(value) for name, value in settings.items()})
    return _seen(out, scenario, peak)


def _empty(directory: Path) -> Path:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    return directory


def _seen(out: Path, scenario: str, peak: int) -> Seen:
    log = read_detail(out / "mlperf_log_detail.txt")
    figure = log.number(
        "result_samples_per_second" if scenario == "Offline" else "result_50.00_percentile_latency_ns"
    )
    if figure is None:
        raise RuntimeError(f"{log.path} has no result")
    return Seen(figure, peak, log.text("loadgen_version") or "")

"""A Triton inference server, asked over HTTP or gRPC: the one in the image, or one at an address.

Without `address` the first worker starts the server that the package nvidia-pytriton carries, on the loopback; each
worker has it load one instance more of the model, and it ends with the harness. The model is the other half of this file:
ONNX Runtime over the cell's weights. Every batch is copied to the server: the time of that is part of what is measured.

Options: `address=HOST:PORT` (a server that is there already, with weights of its own), `protocol=http|grpc` (http),
`model=NAME` (the cell's model), `repository=DIR` (a model repository in place of the cell's weights), `port=N` (a free one).
"""

import collections
import contextlib
import importlib
import importlib.metadata
import json
import math
import os
import re
import shutil
import signal
import socket
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

LOOPBACK = "127.0.0.1"
SHARED_MEMORY, SCRATCH = "/dev/shm", "/tmp"
LEAST_REGION = 1 << 20
"""Bytes of the memory that the server shares with one instance of a model: the python backend's own default."""
STARTS_WITHIN_S = 120
LAST_LINES = 5
LAYOUT = re.compile(r"[ |+-]*$| *[0-9]+# ")
"""Of what the server says: rules of tables and frames of a stack."""
TYPES = {"float32": "FP32", "int32": "INT32", "int64": "INT64", "scores": "FP32", "argmax": "INT64"}


class Triton:
    """A connection a worker and thread, which the HTTP client must not leave; requests are the harness's batches."""

    distribution = "tritonclient"
    runtime = ""
    server = None  # the one that this process started, for all its workers
    loading = threading.Lock()

    def load(self, path, cell, threads, batch, options):
        protocol = options.get("protocol", "http")
        if protocol not in ("http", "grpc"):
            raise ValueError(f"python.protocol is {protocol}; expected http or grpc")
        self.client = importlib.import_module(f"tritonclient.{protocol}")
        self.errors = client_errors(protocol)
        # The harness's watchdog limits how long an answer may take.
        self.unlimited = {"network_timeout": None} if protocol == "http" else {}
        self.model, self.connections = options.get("model", cell.model), threading.local()
        self.input, self.input_type, self.output = cell.input_name, TYPES[cell.input_dtype], cell.output_name
        self.dtype = np.float32 if cell.output_kind == "scores" else np.int64
        with Triton.loading:
            if "address" in options:
                self.address, computes = options["address"], f"model {self.model} at {options['address']}"
            else:
                computes = self.load_in_own_server(path, cell, threads, batch, options)
            if not self.ask("is_model_ready", self.model):
                raise RuntimeError(f"the server at {self.address} has no model {self.model} that is ready")
            facts = self.ask("get_server_metadata")
            version = facts["version"] if protocol == "http" else facts.version
            Triton.runtime = f"Triton {version}, {computes}"

    def load_in_own_server(self, path, cell, threads, batch, options) -> str:
        """One instance of the model more in the server that is started at the first call; says what computes in it."""
        repository = options.get("repository")
        with contextlib.ExitStack() as failing:
            if Triton.server is None:
                samples = batch * math.prod(cell.input_shape) * np.dtype(cell.input_dtype).itemsize
                protocol, port = options.get("protocol", "http"), int(options.get("port", "0"))
                Triton.server = Server(protocol, port, repository, max(LEAST_REGION, 2 * samples))
            server = Triton.server
            failing.callback(server.tidy)
            self.address = server.address
            server.wait_for(self.is_live)
            if not repository:
                server.add_instance(
                    self.model, lambda count: model_configuration(self.model, path, cell, threads, count)
                )
            self.ask("load_model", self.model)
            failing.pop_all()
        if repository:
            return f"model {self.model} of {repository}"
        return f"onnxruntime {importlib.metadata.version('onnxruntime')}"

    def predict(self, array: np.ndarray) -> np.ndarray:
        request = self.client.InferInput(self.input, array.shape, self.input_type)
        request.set_data_from_numpy(array)
        wanted = [self.client.InferRequestedOutput(self.output)]
        answer = self.ask("infer", self.model, [request], outputs=wanted)
        if Triton.server is not None:
            Triton.server.tidy()
        return np.ascontiguousarray(answer.as_numpy(self.output), self.dtype)

    def ask(self, method: str, *arguments, **named):
        """What the client's method gives; where it fails because the own server has ended, what that said last."""
        try:
            return getattr(self.connection(), method)(*arguments, **named)
        except self.errors as error:
            if Triton.server is not None:
                Triton.server.require_alive()
            raise RuntimeError(f"the server at {self.address}: {error}") from error

    def connection(self):
        """This thread's own."""
        if not hasattr(self.connections, "open"):
            self.connections.open = self.client.InferenceServerClient(self.address, **self.unlimited)
        return self.connections.open

    def is_live(self) -> bool:
        """Whether the server answers yet."""
        with contextlib.suppress(*self.errors):
            return self.connection().is_server_live()
        return False


def client_errors(protocol: str) -> tuple[type[Exception], ...]:
    """What the client raises where the server does not answer, or answers with an error."""
    refused = importlib.import_module("tritonclient.utils").InferenceServerException
    if protocol == "grpc":
        return (refused,)
    return OSError, refused, importlib.import_module("geventhttpclient.response").HTTPParseError


class Server:
    """The `tritonserver` of nvidia-pytriton. It is told to end by the kernel when this process has ended.

    Its directory holds links alone: backend, interpreter and model, where the server looks for them. All workers are loaded
    before the first of them predicts; from then on nobody needs it.
    """

    def __init__(self, protocol: str, port: int, repository: str | None, region: int):
        if repository and not Path(repository).is_dir():
            raise RuntimeError(f"python.repository={repository} is not a directory")
        if not os.access(SCRATCH, os.W_OK):
            raise RuntimeError(
                f"Triton's python backend writes to {SCRATCH}, which is read-only; docker run --tmpfs {SCRATCH}"
            )
        program = server_program()
        self.address, self.region, self.instances = free_address(port), region, 0
        free = os.statvfs(SHARED_MEMORY)
        self.shared = free.f_bavail * free.f_frsize
        self.directory = Path(tempfile.mkdtemp(prefix="triton-", dir=SCRATCH))
        self.models = self.directory / "models"
        self.models.mkdir()
        link_backend(program.parents[1], self.directory / "backends" / "python")
        other = "grpc" if protocol == "http" else "http"
        command = [
            *(["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []),
            str(program),
            f"--model-repository={repository or self.models}",
            f"--backend-directory={self.directory / 'backends'}",
            f"--backend-config=python,shm-default-byte-size={region}",
            *("--model-control-mode=explicit", "--exit-timeout-secs=5"),
            *("--log-info=false", "--log-warning=false"),
            *("--allow-metrics=false", f"--allow-{other}=false"),
            *(f"--{protocol}-address={LOOPBACK}", f"--{protocol}-port={self.address.rpartition(':')[2]}"),
            *([] if repository else ["--disable-auto-complete-config"]),
        ]
        interpreter = link_interpreter(self.directory / "python", program)
        libraries = (program.parents[3] / "nvidia_pytriton.libs", Path(sys.base_prefix).parent / "lib")
        environment = {
            **os.environ,
            "PATH": f"{interpreter}:{os.environ.get('PATH', os.defpath)}",
            "LD_LIBRARY_PATH": ":".join([*map(str, libraries), os.environ.get("LD_LIBRARY_PATH", "")]),
        }
        self.said: collections.deque[str] = collections.deque(maxlen=LAST_LINES)
        self.ended = threading.Event()
        self.status = ""
        threading.Thread(target=self.keep, args=(command, environment), daemon=True).start()

    def keep(self, command: list[str], environment: dict[str, str]) -> None:
        """Starts the server, with no signal held back from it as from the harness's threads, and stays for as long as it
        runs: it would be told to end with the thread that started it."""
        ours, its = os.pipe()
        try:
            process = os.posix_spawnp(
                command[0],
                command,
                environment,
                file_actions=[
                    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                    *((os.POSIX_SPAWN_DUP2, its, said) for said in (1, 2)),
                ],
                setsigmask=[],
                setsigdef=[signal.SIGINT, signal.SIGTERM, signal.SIGPIPE],
                setsid=True,
            )
        except OSError as error:
            self.status = str(error)
        else:
            os.close(its)
            listener = threading.Thread(target=self.listen, args=(ours,), daemon=True)
            listener.start()
            _, status = os.waitpid(process, 0)
            listener.join(1)  # its models' processes may still hold the other end
            self.status = f"exit status {os.waitstatus_to_exitcode(status)}"
        self.ended.set()

    def listen(self, said: int) -> None:
        """Keeps the last lines that the server says."""
        with open(said, encoding="utf-8", errors="replace") as lines:
            self.said.extend(line.strip() for line in lines if not LAYOUT.match(line))

    def wait_for(self, is_live) -> None:
        """Returns once the server answers."""
        end = time.monotonic() + STARTS_WITHIN_S
        while not is_live():
            self.require_alive(within_s=0.05)
            if time.monotonic() > end:
                raise TimeoutError(f"the Triton server does not answer {STARTS_WITHIN_S} s after its start")

    def require_alive(self, within_s: float = 2) -> None:
        """Raises what the server said last, where it has ended or does so now."""
        if self.ended.wait(within_s):
            said = " / ".join(self.said) or "nothing"
            raise RuntimeError(f"the Triton server has ended ({self.status}); last it said: {said}")

    def add_instance(self, model: str, configuration: Callable[[int], str]) -> None:
        """Has a place for one instance more of the model, whose program is the class below, written into its config.pbtxt."""
        self.instances += 1
        if self.instances * self.region > self.shared:
            raise RuntimeError(
                f"{self.instances} instances share {self.instances * self.region >> 20} MB with the Triton server, and "
                f"{SHARED_MEMORY} has {self.shared >> 20} MB; take fewer workers, a smaller batch, or docker run --shm-size"
            )
        version = self.models / model / "1"
        if not version.exists():
            version.mkdir(parents=True)
            (version / "model.py").symlink_to(Path(__file__).resolve())
        (version.parent / "config.pbtxt").write_text(configuration(self.instances), encoding="utf-8")

    def tidy(self) -> None:
        """Removes the directory."""
        if self.directory.exists():
            shutil.rmtree(self.directory, ignore_errors=True)


def server_program() -> Path:
    """Where the package has it."""
    try:
        package = importlib.metadata.distribution("nvidia-pytriton")
    except importlib.metadata.PackageNotFoundError as error:
        raise RuntimeError(
            "the package nvidia-pytriton, which carries the server, is not there; python.address=HOST:PORT names one that runs"
        ) from error
    return Path(package.locate_file("pytriton/tritonserver/bin/tritonserver")).resolve()


def free_address(port: int) -> str:
    """The loopback with this port, or with any that is free (0)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError as error:
            raise RuntimeError(f"python.port={port} cannot be had on {LOOPBACK}: {error.strerror}") from error
        return f"{LOOPBACK}:{probe.getsockname()[1]}"


def link_backend(package: Path, place: Path) -> None:
    """The python backend, and beside it the program for this version of Python, which the package keeps apart."""
    place.mkdir(parents=True)
    for file in (package / "backends" / "python").iterdir():
        (place / file.name).symlink_to(file)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    program = package / "python_backend_stubs" / version / "triton_python_backend_stub"
    if not program.exists():
        raise RuntimeError(f"nvidia-pytriton has no python backend for Python {version} ({program})")
    (place / program.name).symlink_to(program)


def link_interpreter(place: Path, executable: Path) -> Path:
    """A virtual environment with the modules of this interpreter, by which the python backend finds both: it looks on PATH
    for a `python3`, follows the pyvenv.cfg beside it, and heeds no variable. Returns the directory for PATH."""
    packages = place / "lib" / f"python{sys.version_info.major}.{sys.version_info.minor}" / "site-packages"
    packages.mkdir(parents=True)
    (place / "bin").mkdir()
    (place / "bin" / "python3").symlink_to(executable)  # it is only looked at
    (place / "pyvenv.cfg").write_text(f"home = {sys.base_prefix}\n", encoding="utf-8")
    paths = [path for path in sys.path if Path(path).is_absolute() and Path(path).is_dir()]
    (packages / "harness.pth").write_text("".join(f"{path}\n" for path in paths), encoding="utf-8")
    return place / "bin"


def model_configuration(name: str, weights: str, cell, threads: int, instances: int) -> str:
    """The model's config.pbtxt: batches are the harness's, so the server makes none. -1 stands for their size."""
    output = [-1, cell.classes] if cell.output_kind == "scores" else [-1]
    text = json.dumps  # of strings, as protobuf's text format has them
    return f"""\
name: {text(name)}
backend: "python"
max_batch_size: 0
input [ {{ name: {text(cell.input_name)} data_type: TYPE_{TYPES[cell.input_dtype]} dims: {[-1, *cell.input_shape]} }} ]
output [ {{ name: {text(cell.output_name)} data_type: TYPE_{TYPES[cell.output_kind]} dims: {output} }} ]
instance_group [ {{ kind: KIND_CPU count: {instances} }} ]
parameters [ {{ key: "weights" value: {{ string_value: {text(weights, ensure_ascii=False)} }} }} ]
parameters [ {{ key: "threads" value: {{ string_value: "{threads}" }} }} ]
"""


class TritonPythonModel:
    """What the server runs: ONNX Runtime, a session an instance, with as many threads as the harness has a worker take."""

    def initialize(self, args):
        import onnxruntime
        import triton_python_backend_utils

        self.backend = triton_python_backend_utils
        configuration = json.loads(args["model_config"])
        told = {name: value["string_value"] for name, value in configuration["parameters"].items()}
        settings = onnxruntime.SessionOptions()
        settings.intra_op_num_threads = int(told["threads"])
        settings.inter_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            told["weights"], settings, providers=["CPUExecutionProvider"]
        )
        self.input, self.output = configuration["input"][0]["name"], configuration["output"][0]["name"]

    def execute(self, requests):
        return [
            self.answer(self.backend.get_input_tensor_by_name(request, self.input)) for request in requests
        ]

    def answer(self, samples):
        outputs = self.session.run([self.output], {self.input: samples.as_numpy()})
        return self.backend.InferenceResponse([self.backend.Tensor(self.output, outputs[0])])

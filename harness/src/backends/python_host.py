"""The Python half of the backend `python`: what python.cc asks of the interpreter it embeds.

It is compiled into the harness as text. What a user's class looks like is in docs/backends.md.
"""

import importlib.metadata
import os
import sys
import traceback
import types
from collections.abc import Callable


def prepare(packages: list[str]) -> type:
    """Let modules be imported from `packages`, first of all NumPy, and return its array type.

    What a class prints goes to stderr, because stdout is the harness's own. NumPy's linear algebra gets no threads of
    its own: a worker computes with those that its class gives to the runtime.
    """
    sys.path[:0] = packages
    sys.stdout = sys.stderr
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    import numpy

    return numpy.ndarray


def open_class(path: str, source: bytes, name: str) -> tuple[type, str, str, tuple[str, ...]]:
    """Run the file and find the class in it.

    Args:
        path: of the file, for messages and for the class's own `__file__`.
        source: what is in it.
        name: of the class; empty where the file has one class with `load` and `predict`.

    Returns:
        The class, its name, the runtime with its version as `ai-edge-litert 2.3.0` (empty where the class does not name
        its `distribution`), and the precisions it can compute in besides the weights' own.
    """
    module = types.ModuleType("mlperf_bake_class")
    module.__file__ = path
    sys.modules[module.__name__] = module
    exec(compile(source, path, "exec", dont_inherit=True), vars(module))
    fitting = [
        value
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and _fits(value)
    ]
    if name:
        fitting = [value for value in fitting if value.__name__ == name]
    if len(fitting) != 1:
        wanted = f"class {name} with load and predict" if name else "one class with load and predict"
        raise LookupError(f"expected {wanted}, found {len(fitting)}; FILE:CLASS names one")
    distribution = getattr(fitting[0], "distribution", "")
    version = f"{distribution} {importlib.metadata.version(distribution)}" if distribution else ""
    return fitting[0], fitting[0].__name__, version, tuple(getattr(fitting[0], "precisions", ()))


def _fits(value: type) -> bool:
    return callable(getattr(value, "load", None)) and callable(getattr(value, "predict", None))


def open_instance(
    cls: type, weights: str, cell: dict[str, object], threads: int, batch: int, options: dict[str, str]
) -> Callable[[object], object]:
    """A loaded instance of the class, as its bound `predict`."""
    instance = cls()
    facts = types.SimpleNamespace(**cell)
    facts.inputs = [types.SimpleNamespace(**tensor) for tensor in facts.inputs]
    facts.outputs = [types.SimpleNamespace(**tensor) for tensor in facts.outputs]
    instance.load(weights, facts, threads, batch, options)
    predict: Callable[[object], object] = instance.predict
    return predict


def loaded_runtime(cls: type) -> str:
    """What the class's attribute `runtime` says, which `load` may set: what computes besides the package itself."""
    return " ".join(str(getattr(cls, "runtime", "")).split())


def explain(error: BaseException, path: str) -> str:
    """An exception in one line, with the innermost place in the class's own file, else the innermost at all."""
    what = " ".join("".join(traceback.format_exception_only(error)).split())
    if isinstance(error, SyntaxError):  # names its file and line itself
        return what
    frames = traceback.extract_tb(error.__traceback__)
    frame = next((frame for frame in reversed(frames) if frame.filename == path), None)
    frame = frame or (frames[-1] if frames else None)
    return f"{what} ({frame.filename}:{frame.lineno})" if frame else what


def describe(value: object) -> str:
    """What a class returned: `float64 of shape 20x1000`, or its type."""
    dtype, shape = getattr(value, "dtype", None), getattr(value, "shape", None)
    if dtype is None or shape is None:
        return type(value).__name__
    return f"{type(value).__name__} {dtype} of shape {'x'.join(map(str, shape)) or '()'}"

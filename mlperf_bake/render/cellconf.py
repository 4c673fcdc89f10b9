"""cell.conf: what the harness is told about its cell (docs/contracts.md, "cell.conf")."""

from collections.abc import Iterator

from mlperf_bake.compliance.audits import audits_of
from mlperf_bake.lock.pins import SourcePin
from mlperf_bake.matrix.values import Cell, Framework, Input, Model, Network
from mlperf_bake.rounds import ModelRules, Round

UNLOCKED = "unlocked"
"""Stands in weights_sha256 where none is known beforehand: a recipe trains the weights, or their makers publish an MD5."""


def cell_lines(cell: Cell) -> str:
    """The lines that name the cell, with the last line's end."""
    return (
        f"cell = {cell.id}\nmodel = {cell.model}\nimplementation = {cell.implementation}\n"
        f"framework = {cell.framework}\nhardware = {cell.hardware}\nos = {cell.os}\n"
    )


def shared_lines(
    model: Model, framework: Framework, source: SourcePin | None, weights_sha256: str | None, rules: str
) -> str:
    """The other lines, the same for all cells of one model and framework, without the last line's end.

    Args:
        framework: as it is on the cell's hardware.
        source: the repository that the implementation wraps; None for the compiled harness.
        weights_sha256: 64 hex digits, or None where the lock has none.
        rules: ``round_lines`` of the model's benchmark.
    """
    return "\n".join(
        (
            _model_lines(model, weights_sha256),
            _network_lines(model, framework) if source is None else _reference_lines(model, source),
            rules,
        )
    )


def _model_lines(model: Model, weights_sha256: str | None) -> str:
    return "\n".join(
        (
            f"division = {model.division}",
            f"benchmark = {model.benchmark}",
            f"loadgen_model = {model.loadgen_model}",
            f"task = {model.task}",
            f"precision = {model.precision}",
            f"weights_sha256 = {weights_sha256 or UNLOCKED}",
        )
    )


def _network_lines(model: Model, framework: Framework) -> str:
    """What the compiled harness computes with."""
    return "\n".join(
        (
            f"backend = {framework.backend}",
            *(f"backend.{name} = {value}" for name, value in framework.backend_options),
            f"weights = weights/{framework.weights_file(model.weights.file)}",
            *(
                ("weights_conversion = weights/conversion.conf",)
                if not framework.reads(model.weights)
                else ()
            ),
            *_input_lines(model.known_network.inputs),
            *_output_lines(model.known_network),
            f"preprocessing = {model.preprocessing}",
            *(f"task.{name} = {value}" for name, value in model.known_network.task_options),
        )
    )


def _input_lines(inputs: tuple[Input, ...]) -> Iterator[str]:
    """A list joined by commas a line, one place an input."""
    yield f"input_name = {', '.join(one.name for one in inputs)}"
    yield f"input_shape = {', '.join('x'.join(map(str, one.shape)) for one in inputs)}"
    yield f"input_dtype = {', '.join(one.dtype for one in inputs)}"
    if any(one.values != Input._field_defaults["values"] for one in inputs):
        yield f"input_values = {', '.join(one.values for one in inputs)}"


def _output_lines(network: Network) -> Iterator[str]:
    output = network.output
    if output is None:
        yield f"output_name = {', '.join(one.name for one in network.tensors)}"
        yield "output_kind = tensors"
        yield f"output_shape = {', '.join(one.shape for one in network.tensors)}"
        yield f"output_dtype = {', '.join(one.dtype for one in network.tensors)}"
        if network.classes is not None:
            yield f"classes = {network.classes}"
        return
    yield f"output_name = {output.name}"
    yield f"output_kind = {output.kind}"
    yield f"classes = {output.classes}"
    yield f"label_offset = {output.label_offset}"


def _reference_lines(model: Model, source: SourcePin) -> str:
    """What the reference implementation is called with."""
    reference = model.known_reference
    return "\n".join(
        (
            f"weights = weights/{model.weights.file}",
            f"reference_commit = {source.commit}",
            f"reference_program = {reference.program}",
            f"reference_arguments = {reference.arguments}",
            *(
                f"reference_{name} = {words}"
                for name in ("accuracy", "performance", "environment", "links")
                if (words := getattr(reference, name))
            ),
        )
    )


def round_lines(round: Round, rules: ModelRules) -> str:
    """What a round asks of a benchmark, without the last line's end."""
    limit = rules.latency_limit_ns.get("Server")
    return "\n".join(
        (
            f"round = {round.name}",
            f"performance_sample_count = {rules.performance_sample_count}",
            *((f"server_target_latency_ms = {limit / 1e6:g}",) if limit else ()),
            *(f"{name} = {seed}" for name, seed in round.seeds.items()),
            *(
                f"compliance.{audit.test}.{key} = {value}"
                for audit in audits_of(round, rules.name)
                for key, value in audit.settings.items()
            ),
        )
    )

"""cell.conf: what the harness is told about its cell (docs/contracts.md, "cell.conf")."""

from mlperf_bake.compliance.audits import audits_of
from mlperf_bake.lock.pins import SourcePin
from mlperf_bake.matrix.values import Cell, Framework, Model
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
            f"input_name = {model.input.name}",
            f"input_shape = {'x'.join(map(str, model.input.shape))}",
            f"input_dtype = {model.input.dtype}",
            f"output_name = {model.output.name}",
            f"output_kind = {model.output.kind}",
            f"classes = {model.output.classes}",
            f"label_offset = {model.output.label_offset}",
            f"preprocessing = {model.preprocessing}",
        )
    )


def _reference_lines(model: Model, source: SourcePin) -> str:
    """What the reference implementation is called with."""
    reference = model.known_reference
    return "\n".join(
        (
            f"weights = weights/{model.weights.file}",
            f"reference_commit = {source.commit}",
            f"reference_program = {reference.program}",
            f"reference_arguments = {reference.arguments}",
            *((f"reference_accuracy = {reference.accuracy}",) if reference.accuracy else ()),
            *((f"reference_links = {reference.links}",) if reference.links else ()),
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

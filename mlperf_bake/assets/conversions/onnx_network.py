"""An ONNX file as nodes to walk through: what a conversion needs that writes its form by calling a framework.

Constants are NumPy arrays, attributes plain Python values. Only what the wanted output depends on is kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx  # type: ignore[import-untyped,import-not-found,unused-ignore]
from numpy.typing import NDArray
from onnx import numpy_helper

from mlperf_bake.assets.conversions.accept import Refused


@dataclass(frozen=True)
class Node:
    """One operation: its ONNX name, the names of its inputs ("" where one is left out) and of its only output."""

    op: str
    inputs: tuple[str, ...]
    output: str
    attributes: Mapping[str, Any]

    def attribute(self, name: str) -> Any:
        """An attribute that must be there.

        Raises:
            Refused: it is not; in newer ONNX versions it may be an input instead.
        """
        if name not in self.attributes:
            raise Refused(f"{self.op} {self.output} has no attribute {name}; it is known only with one")
        return self.attributes[name]


@dataclass(frozen=True)
class Network:
    """The operations in an order in which they can be carried out, and the constants they use, by name."""

    nodes: tuple[Node, ...]
    constants: Mapping[str, NDArray[Any]]


def read_network(file: Path, input: str, output: str) -> Network:
    """The part of the file between one input and one output.

    Raises:
        Refused: it is no ONNX file, or the output depends on another input.
    """
    try:
        model = onnx.load(file)
    except (OSError, onnx.onnx_cpp2py_export.checker.ValidationError, ValueError) as error:
        raise Refused(f"{file} is no ONNX file: {error}") from error
    constants = {item.name: numpy_helper.to_array(item) for item in model.graph.initializer}
    nodes: list[Node] = []
    for node in model.graph.node:
        attributes = {item.name: _plain(onnx.helper.get_attribute_value(item)) for item in node.attribute}
        if node.op_type == "Constant":
            constants[node.output[0]] = numpy_helper.to_array(attributes["value"])
        else:
            nodes.append(Node(node.op_type, tuple(node.input), node.output[0], attributes))
    wanted, kept = {output}, []
    for item in reversed(nodes):
        if item.output in wanted:
            kept.append(item)
            wanted.update(item.inputs)
    known = {input, "", *constants, *(item.output for item in kept)}
    if missing := sorted(wanted - known):
        raise Refused(f"{file.name} lacks {', '.join(missing)}, which its output {output} is made from")
    return Network(tuple(reversed(kept)), {name: constants[name] for name in constants if name in wanted})


def carry_out(
    network: Network, operations: Mapping[str, Callable[..., Any]], values: Mapping[str, Any], output: str
) -> Any:
    """The network's output, by calling one function an operation: ``operations[op](node, *inputs)``.

    Args:
        values: the network's input and constants, by name, as the operations take them.

    Raises:
        Refused: the network has an operation that the table lacks.
    """
    if unknown := sorted({node.op for node in network.nodes} - operations.keys()):
        raise Refused(f"the network needs {', '.join(unknown)}, which this conversion does not know yet")
    known = dict(values)
    for node in network.nodes:
        inputs = [None if name == "" else known[name] for name in node.inputs]
        known[node.output] = operations[node.op](node, *inputs)
    return known[output]


def _plain(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value

"""The files of harness/python: what each class of the backend `python` must have beside it."""

import ast
import re
from pathlib import Path

import pytest

from mlperf_bake.project import open_project

ROOT = Path(__file__).parents[2]
CLASSES = ROOT / "harness" / "python"
FRAMEWORKS = open_project(ROOT).matrix.frameworks.values()
IN_IMAGES = sorted(framework.python for framework in FRAMEWORKS if framework.python)
ALL = sorted(path.stem for path in CLASSES.glob("*.py"))
PIN = re.compile(r"^([a-z0-9.-]+)==[^ ]+(?: ; .+)? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def the_class(name: str) -> ast.ClassDef:
    """The one class of a file that has both methods."""
    tree = ast.parse((CLASSES / f"{name}.py").read_text(encoding="utf-8"))
    [found] = [
        node
        for node in tree.body
        if isinstance(node, ast.ClassDef) and {"load", "predict"} <= set(methods(node))
    ]
    return found


def methods(node: ast.ClassDef) -> dict[str, list[str]]:
    """Each method with the names of its arguments."""
    return {
        item.name: [argument.arg for argument in item.args.args]
        for item in node.body
        if isinstance(item, ast.FunctionDef)
    }


def distribution(node: ast.ClassDef) -> str:
    """The package whose version goes into the manifest."""
    for item in node.body:
        if isinstance(item, ast.Assign) and ast.unparse(item.targets[0]) == "distribution":
            return str(ast.literal_eval(item.value))
    return ""


def pins(name: str) -> list[str]:
    """The packages of a requirements file, whose every line is a pin or a hash."""
    lines = (CLASSES / f"{name}.requirements.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if not PIN.match(line) and not HASH.match(line)] == []
    return [found[1] for line in lines if (found := PIN.match(line))]


@pytest.mark.parametrize("name", ALL)
def test_a_class_has_the_methods_that_the_harness_calls(name: str) -> None:
    found = methods(the_class(name))
    assert found["load"] == ["self", "path", "cell", "threads", "batch", "options"]
    assert found["predict"] == ["self", "array"]
    assert distribution(the_class(name))


@pytest.mark.parametrize("name", IN_IMAGES)
def test_a_class_in_an_image_has_its_packages_locked_and_says_what_is_left_out(name: str) -> None:
    assert {distribution(the_class(name)), "numpy"} <= set(pins(name))
    assert (CLASSES / f"{name}.unused.txt").read_text(encoding="utf-8").startswith("#")


@pytest.mark.parametrize("path", sorted(CLASSES.glob("*.requirements.txt")), ids=lambda path: path.name)
def test_locked_packages_belong_to_a_class(path: Path) -> None:
    name = path.name.removesuffix(".requirements.txt")
    assert distribution(the_class(name)) in pins(name)

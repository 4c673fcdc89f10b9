"""What a recipe declares of the weights that it makes, read off its source; it is not run."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.values import Weights

RESULT = "RESULT_SHA256"
"""The constant by which a recipe declares that every machine makes the same bytes, and which."""


def declared_result(sources: Path, weights: Weights) -> str | None:
    """The sha256 of the weights that a recipe makes on every machine, read off its source; None: it declares none.

    Args:
        sources: what images are built from, where the recipe lies.
        weights: made by a recipe.

    Errors:
        UsageError: there is no such recipe, it has no requirements beside it, or its declaration is not a checksum.
    """
    where, recipe = weights.recipe_script, sources / weights.recipe_script
    try:
        tree = ast.parse(recipe.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise _no_recipe(sources, weights) from None
    except (SyntaxError, ValueError) as error:  # ValueError: not UTF-8, or a null byte
        line = f":{error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
        raise UsageError(
            "the recipe is not Python",
            where=f"{where}{line}",
            found=error.msg if isinstance(error, SyntaxError) else str(error),
            remedy="correct the recipe, then `mlperf-bake lock`",
        ) from error
    if not (sources / weights.recipe_requirements).is_file():
        raise UsageError(
            "the recipe has no locked packages beside it",
            where=weights.recipe_requirements,
            expected="name==version --hash=sha256:..., one a package; an empty file where it needs none",
            remedy=f"write {weights.recipe_requirements}, then `mlperf-bake lock`",
        )
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and any(
            isinstance(target, ast.Name) and target.id == RESULT for target in statement.targets
        ):
            value = statement.value.value if isinstance(statement.value, ast.Constant) else None
            if not isinstance(value, str) or not re.fullmatch("[0-9a-f]{64}", value):
                raise UsageError(
                    f"{RESULT} is not a checksum",
                    where=f"{where}:{statement.lineno}",
                    expected="64 hex digits in quotes",
                    remedy="write the sha256 that the recipe prints, or remove the line",
                )
            return value
    return None


def _no_recipe(sources: Path, weights: Weights) -> UsageError:
    own = weights.recipe_script == weights.recipe
    known = sorted(path.stem for path in (sources / "mlperf_bake/assets/recipes").glob("*.py"))
    return UsageError(
        "there is no such recipe",
        where=weights.recipe_script,
        found=f"no such file below {sources}",
        expected="a script of your own beside your harness/" if own else "one of " + ", ".join(known),
        remedy="write it there; where the matrix's directory has no harness/ yet, mlperf-bake init --sources brings it"
        if own
        else "correct `recipe` of the model's weights in matrix.yaml",
    )

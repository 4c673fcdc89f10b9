"""YAML as plain data. libyaml puts nested values together by recursion, and a file of some 50,000 open brackets, in nobody's
tree by accident, would end the whole process without a word: such nesting is refused first."""

from typing import Any, Final

DEEPEST: Final = 100
"""Levels of nesting; none of the files read here has ten."""


def plain_yaml(text: str, *, as_text: bool = False) -> Any:
    """The data of one YAML document.

    Args:
        as_text: every scalar is the text that stands there; else numbers, dates and the like are read as such.

    Raises:
        yaml.YAMLError: not YAML, nested deeper than ``DEEPEST`` (both with the place), or a value that its tag or form
            does not allow, such as the date 2026-13-45.
    """
    import yaml

    _refuse_deep(text)
    try:
        return yaml.load(text, Loader=yaml.CBaseLoader if as_text else yaml.CSafeLoader)
    except (ValueError, OverflowError, AttributeError, LookupError) as error:
        # What PyYAML's constructors let out.
        raise yaml.YAMLError(f"a value that is not what its form or tag says: {error}") from error


def _refuse_deep(text: str) -> None:
    """Goes through the text's events, which come one after the other whatever their nesting."""
    import yaml

    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > DEEPEST:
                problem = f"nested deeper than {DEEPEST} levels"
                mark: Any = event.start_mark
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=mark)
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1

"""One directory of Jinja templates: rendered, with every fault told by template file and line."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template, TemplateError, TemplateNotFound
from jinja2.ext import Extension
from jinja2.runtime import Context

from mlperf_bake.errors import UsageError
from mlperf_bake.matrix.suggestions import did_you_mean
from mlperf_bake.render.compiled import CompiledTemplates
from mlperf_bake.shipped import page

_FAULTS = (TemplateError, TypeError, ValueError, LookupError, ArithmeticError, AttributeError, RecursionError)
"""What a template's own expressions can raise."""


class Templates:
    """The templates below ``directory``, each read once.

    Args:
        extensions: Jinja extensions to read them with.
    """

    def __init__(self, directory: Path, *extensions: type[Extension]) -> None:
        self._directory = directory
        self._environment = Environment(
            loader=FileSystemLoader(directory),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            autoescape=False,
            extensions=extensions,
            # An extension changes what a template is compiled to, which the cache does not know of.
            bytecode_cache=None if extensions else CompiledTemplates(),
        )
        self._environment.context_class = _Context
        self._read: dict[str, tuple[Template, dict[str, Any]]] = {}

    def render(self, name: str, values: Mapping[str, object]) -> str:
        """The text that a template gives for these values, without its last line's end. Errors: those of pieces."""
        return "".join(self.pieces(name, values))

    def pieces(self, name: str, values: Mapping[str, object]) -> list[str]:
        """The same text in the pieces that the template puts together; what an expression gave is one of them, as it is.

        Errors:
            UsageError: the template is missing, unreadable or wrong.
        """
        try:
            template, known = self._read.get(name) or self._open(name)
            # Not by template.new_context: that lists Jinja's own names anew for each context.
            context = _Context(self._environment, {**known, **values}, template.name, template.blocks)
            try:
                return list(template.root_render_func(context))
            except _FAULTS:
                self._environment.handle_exception()  # raises it anew, with the template's lines in its traceback
        except TemplateNotFound as error:
            raise self._missing(str(error.name or error)) from error
        except _FAULTS as error:
            raise UsageError(
                "the template cannot be rendered",
                where=self._place(error, name),
                found=str(error) or type(error).__name__,
                remedy=f"correct the template; {page('architecture.md')} describes what each partial is given",
            ) from error
        except OSError as error:
            raise UsageError(
                "the template cannot be read",
                where=f"{self._directory.name}/{name}",
                found=error.strerror or str(error),
                remedy="make it readable",
            ) from error

    def source(self, name: str) -> str:
        """The text of a template that was rendered before."""
        return (self._directory / name).read_text(encoding="utf-8")

    def _open(self, name: str) -> tuple[Template, dict[str, Any]]:
        """The template and the names that Jinja gives to all of them."""
        template = self._environment.get_template(name)
        self._read[name] = template, dict(template.globals)
        return self._read[name]

    def _missing(self, name: str) -> UsageError:
        known = self._environment.list_templates() if self._directory.is_dir() else []
        beside = [other for other in known if other.rpartition("/")[0] == name.rpartition("/")[0]]
        return UsageError(
            f'there is no template "{name}"{did_you_mean(name, known)}',
            where=f"{self._directory.name}/{name}",
            expected=", ".join(beside) or f"a file below {self._directory}",
            remedy="add the file, or correct `template` (or `family`) of the value in matrix.yaml: it names a file without its "
            "directory and .j2, `gnu` for templates/hardware/gnu.j2",
        )

    def _place(self, error: BaseException, name: str) -> str:
        """The innermost template and line at fault."""
        file, line = name, getattr(error, "lineno", None)
        frame = None if line else error.__traceback__
        while frame is not None:
            path = Path(frame.tb_frame.f_code.co_filename)
            if path.is_relative_to(self._directory):
                file, line = path.relative_to(self._directory).as_posix(), frame.tb_lineno
            frame = frame.tb_next
        return f"{self._directory.name}/{file}" + (f":{line}" if line else "")


class _Context(Context):
    """Calls a template's functions as they are: none of ours asks for Jinja's context, and looking costs more than calling."""

    def call(self, function: Callable[..., Any], *args: object, **kwargs: object) -> Any:
        return function(*args, **kwargs)

"""Dockerfiles: every line comes from a template, faults are placed, and nothing in the matrix can add a line."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlperf_bake.errors import Stale, UsageError
from mlperf_bake.lock.demand import demands
from mlperf_bake.matrix.loading import parse_matrix
from mlperf_bake.project import Project, open_project
from mlperf_bake.render.checkout import compare, write
from mlperf_bake.render.copied import Sources, copied_paths
from mlperf_bake.render.dockerfile import Part, Renderer
from tests.support.second_matrix import CHECKOUT, TEXT, invented_lock, make_project

REAL = open_project(CHECKOUT)


@pytest.fixture(scope="module")
def second(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return make_project(tmp_path_factory.mktemp("second"))


def pieces(template_line: str) -> list[str]:
    """The fixed text of a template line: what stands outside of its expressions and of conditions within the line."""
    unconditional = re.sub(r"\{% if .*?\{% endif %\}", "{{}}", template_line)
    return [piece for piece in re.split(r"\{\{.*?\}\}|\{%.*?%\}", unconditional) if piece.strip()]


@pytest.mark.parametrize("which", ["real", "second"])
def test_every_line_comes_from_a_template_line_that_holds_its_text(which: str, second: Project) -> None:
    project = REAL if which == "real" else second
    templates = {
        path.relative_to(project.root / "templates").as_posix(): path.read_text(encoding="utf-8").split("\n")
        for path in (project.root / "templates").rglob("*.j2")
    }
    for cell in project.cells():
        lines = project.renderer.render(cell).text.removesuffix("\n").split("\n")
        origins = project.renderer.origins(cell)
        assert len(origins) == len(lines)
        for line, (name, number) in zip(lines, origins, strict=True):
            source = templates[name][number - 1]
            if "{{ conf }}" in source:
                assert re.fullmatch(r"[A-Za-z0-9_.]+ = .+", line)
                continue
            place = 0
            for piece in pieces(source):
                assert (place := line.find(piece, place)) >= 0, (line, name, number, source)
            if line.strip():
                assert pieces(source) or "{{" in source, (line, name, number, source)
            else:
                assert not source.strip() or "{{" in source, (line, name, number, source)


def test_the_two_ways_of_rendering_give_the_same_text(second: Project) -> None:
    """A renderer that has rendered other cells before gives what a fresh one gives."""
    for cell in reversed(second.matrix.every_cell):
        fresh = Renderer(second.root / "templates", second.matrix, second.lock, second.round)
        assert second.renderer.render(cell) == fresh.render(cell)


def flattened(parts: tuple[Part, ...]) -> Iterator[Part]:
    """Partials in the order in which they are complete: those within one before it."""
    for part in parts:
        yield from flattened(part.inner)
        yield part


def test_a_dockerfile_is_the_text_of_its_partials_and_each_holds_those_within_it(second: Project) -> None:
    for cell in second.matrix.every_cell:
        rendered = second.renderer.render(cell)
        assert [part.name for part in rendered.parts] == ["runtime.j2", "contents.j2", "cell.j2"]
        runtime, contents, _ = rendered.parts
        assert rendered.sections[1::2] == (runtime.text, contents.text)
        assert "".join(rendered.sections) == rendered.text
        for outer, inner in (
            (rendered.text, rendered.parts),
            *((part.text, part.inner) for part in flattened(rendered.parts)),
        ):
            place = 0
            for part in inner:
                place = outer.index(part.text, place) + len(part.text)


def test_equal_stages_are_the_same_text_across_cells(second: Project) -> None:
    parts: dict[str, set[str]] = {}
    for cell in second.matrix.every_cell:
        for part in flattened(second.renderer.render(cell).parts):
            parts.setdefault(part.name, set()).add(part.text)
            assert part.shared == (part.name != "cell.j2")
    assert len(parts["tools/debian.j2"]) == len(second.matrix.os)
    assert len(parts["loadgen.j2"]) == 1
    wheels = {
        (cell.framework, second.matrix.hardware[cell.hardware].machine) for cell in second.matrix.every_cell
    }
    assert len(parts["frameworks/onnxruntime.j2"]) == len(wheels)


def test_the_checkout_holds_what_is_rendered() -> None:
    assert (
        compare(
            CHECKOUT,
            "images",
            {image.dockerfile_path: image.dockerfile for image in REAL.plan(REAL.published())},
        )
        == ()
    )


# What a template author gets ------------------------------------------------------------------------------------------


def with_template(project: Project, directory: Path, name: str, text: str) -> Renderer:
    """A renderer over a copy of the templates in which one is replaced."""
    for path in (project.root / "templates").rglob("*.j2"):
        target = directory / "templates" / path.relative_to(project.root / "templates")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(path.read_bytes())
    (directory / "templates" / name).write_text(text, encoding="utf-8")
    return Renderer(directory / "templates", project.matrix, project.lock, project.round)


@pytest.mark.parametrize(
    ("name", "text", "where", "found"),
    [
        ("cell.j2", "a\n{{ nope }}\n", "templates/cell.j2:2", "'nope' is undefined"),
        ("cell.j2", "a\nb\n{{ cell.nope }}\n", "templates/cell.j2:3", "has no attribute 'nope'"),
        ("cell.j2", "a\n{% if %}\n", "templates/cell.j2:2", "Expected an expression"),
        ("cell.j2", "a\n{% for x in cell %}\n", "templates/cell.j2:2", "Unexpected end of template"),
        ("cell.j2", "\n{{ 1 + 'a' }}\n", "templates/cell.j2:2", "unsupported operand"),
        ("cell.j2", "\n\n{{ 1 // 0 }}\n", "templates/cell.j2:3", "zero"),
        ("cell.j2", "{{ cell | nope }}\n", "templates/cell.j2:1", "No filter named 'nope'"),
        ("cell.j2", "x\n{{ part('cell.j2', cell=cell) }}", "templates/cell.j2:2", "recursion"),
        ("hardware/gnu.j2", "\n{{ part() }}\n", "templates/hardware/gnu.j2:2", "missing 1 required positional argument"),
        ("Dockerfile.j2", "\n\n\n{{ cel.id }}", "templates/Dockerfile.j2:4", "'cel' is undefined"),
    ],
)  # fmt: skip
def test_a_fault_in_a_template_is_told_with_file_and_line(
    second: Project, tmp_path: Path, name: str, text: str, where: str, found: str
) -> None:
    renderer = with_template(second, tmp_path, name, text)
    with pytest.raises(UsageError) as caught:
        renderer.render(second.matrix.every_cell[0])
    assert caught.value.where == where
    assert caught.value.found is not None and found in caught.value.found
    assert caught.value.remedy


def test_a_missing_template_is_told_with_those_beside_it(second: Project) -> None:
    matrix = parse_matrix(TEXT.replace("template: gnu", "template: gnuu"), "matrix.yaml")
    renderer = Renderer(second.root / "templates", matrix, second.lock, second.round)
    with pytest.raises(UsageError) as caught:
        renderer.render(matrix.every_cell[0])
    assert caught.value.problem == 'there is no template "hardware/gnuu.j2" (did you mean "hardware/gnu.j2"?)'
    assert caught.value.expected == "hardware/gnu.j2"
    assert "`gnu` for templates/hardware/gnu.j2" in str(caught.value.remedy)


def test_a_template_that_is_no_text_is_told(second: Project, tmp_path: Path) -> None:
    renderer = with_template(second, tmp_path, "final.j2", "")
    (tmp_path / "templates" / "final.j2").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError) as caught:
        renderer.render(second.matrix.every_cell[0])
    assert caught.value.where == "templates/final.j2"


def test_no_templates_at_all_is_told(second: Project, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there is no template"):
        Renderer(tmp_path / "templates", second.matrix, second.lock, second.round).render(
            second.matrix.every_cell[0]
        )


def test_a_benchmark_that_the_round_lacks_is_told_with_its_place(second: Project) -> None:
    matrix = parse_matrix(TEXT.replace("benchmark: resnet\n", "benchmark: renset\n", 1), "matrix.yaml")
    renderer = Renderer(second.root / "templates", matrix, second.lock, second.round)
    with pytest.raises(UsageError) as caught:
        renderer.render(matrix.every_cell[0])
    assert caught.value.problem == 'round v6.1 has no benchmark "renset" (did you mean "resnet"?)'
    assert caught.value.where == f"matrix.yaml:{TEXT[: TEXT.index('benchmark')].count(chr(10)) + 1}:5"


def test_a_framework_through_python_without_a_class_is_told_with_its_place(second: Project) -> None:
    matrix = parse_matrix(TEXT.replace("template: onnxruntime\n", "template: python\n", 1), "matrix.yaml")
    renderer = Renderer(second.root / "templates", matrix, second.lock, second.round)
    with pytest.raises(UsageError) as caught:
        renderer.render(
            next(cell for cell in matrix.every_cell if matrix.framework_of(cell).template == "python")
        )
    assert "names no class" in caught.value.problem
    assert str(caught.value.where).startswith("matrix.yaml:")
    assert str(caught.value.expected).startswith("python: NAME")


def test_weights_of_an_address_need_a_checksum(second: Project) -> None:
    lock = invented_lock(second.demands)
    bare = type(lock)(lock.made_from, lock.bases, lock.loadgen, lock.packages, {}, lock.wanted)
    renderer = Renderer(second.root / "templates", second.matrix, bare, second.round)
    with pytest.raises(Stale, match="the weights of mobilenet have no checksum"):
        renderer.render(second.matrix.every_cell[0])


# What a matrix author cannot do ---------------------------------------------------------------------------------------

TITLE = st.text(
    st.sampled_from("ab \"'`$\\{}%#;&|<>()\n\r\t\x00\x1b\x85\u2028\u202e\ufeff=:,-/.[]"), max_size=30
)
FIELDS = (
    "title",
    "license",
    "source",
    "tag",
    "suite",
    "soname",
    "version",
    "name",
    "file",
    "library",
    "because",
    "image",
)


@given(st.sampled_from(FIELDS), TITLE, st.integers(0, 20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=150)
def test_no_value_of_the_matrix_adds_a_line_or_escapes_its_quotes(
    second: Project, field: str, value: str, which: int
) -> None:
    places = list(re.finditer(rf"\b{field}: ([^,}}\n]+)", TEXT))
    match = places[which % len(places)]
    quoted = '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    try:
        matrix = parse_matrix(TEXT[: match.start(1)] + quoted + TEXT[match.end(1) :], "matrix.yaml")
    except UsageError:
        return
    lock = invented_lock(demands(matrix, {"v6.1": "6.0.17"}))
    renderer = Renderer(second.root / "templates", matrix, lock, second.round)
    for cell, old in zip(matrix.every_cell, second.matrix.every_cell, strict=True):
        text = renderer.render(cell).text
        before = second.renderer.render(old).text
        assert text.count("\n") == before.count("\n")
        assert [_instruction(line) for line in text.split("\n")] == [
            _instruction(line) for line in before.split("\n")
        ]
        for line in text.split("\n"):
            if line.lstrip().startswith(("LABEL", "org.")):
                assert line.count('"') == 2 and not set("`\\") & set(line.rstrip("\\")), line
            elif not line.startswith("#"):
                assert not set(line) & set("\x00\x1b\x85\u2028\u202e\ufeff\r")


def _instruction(line: str) -> str:
    return line.split(" ")[0] if line[:1].isupper() or line.startswith("#") else ""


# What is copied -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("COPY a b /c\n", ("a", "b")),
        ("copy --chown=1:1 --link a /c\n", ("a",)),
        ("COPY --from=other a /c\n", ()),
        ("COPY <<'EOS' /c\nCOPY inner /x\nEOS\nCOPY outer /x\n", ("outer",)),
        ("RUN <<A cat <<B\nCOPY x /y\nA\nADD x /y\nB\nADD z /y\n", ("z",)),
        ("RUN cat <<-EOS\nCOPY x /y\n\tEOS\nCOPY z /y\n", ("z",)),
        ("COPY a \\\n  b \\\n# a comment\n  c /d\n", ("a", "b", "c")),
        ("ADD --checksum=sha256:00 https://example.org/x /y\n", ()),
        ("RUN --mount=type=bind,source=tools,target=/t sh\n", ("tools",)),
        ("RUN --mount=type=bind,target=/t sh\n", (".",)),
        ("RUN --mount=type=bind,from=x,source=tools,target=/t --mount=type=secret,id=ca sh\n", ()),
        ("ENV COPY=1\n# COPY x /y\nRUN echo COPY x /y\n", ()),
        ("COPY unfinished \\", ()),
        ("COPY <<EOS /x\nnever ended\n", ()),
    ],
)
def test_what_a_dockerfile_takes_from_the_context_is_read_off_it(text: str, paths: tuple[str, ...]) -> None:
    assert copied_paths(text) == paths


def test_a_digest_covers_names_contents_and_executable_bits(tmp_path: Path) -> None:
    (tmp_path / "d" / "__pycache__").mkdir(parents=True)
    (tmp_path / "d" / "a").write_text("1", encoding="utf-8")

    def now() -> str:
        return Sources(tmp_path).digest("d")

    seen = [now()]
    (tmp_path / "d" / "__pycache__" / "x.pyc").write_text("1", encoding="utf-8")
    assert now() == seen[0]
    (tmp_path / "d" / "a").write_text("2", encoding="utf-8")
    seen.append(now())
    (tmp_path / "d" / "a").chmod(0o755)
    seen.append(now())
    (tmp_path / "d" / "a").rename(tmp_path / "d" / "b")
    seen.append(now())
    (tmp_path / "d" / "c").write_text("", encoding="utf-8")
    seen.append(now())
    assert len(set(seen)) == len(seen)


def test_a_copied_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a template copies what is not there"):
        Sources(tmp_path).digest("gone")


# images/ --------------------------------------------------------------------------------------------------------------


def test_writing_makes_the_directory_hold_exactly_what_is_wanted(tmp_path: Path) -> None:
    wanted = {"images/cpu/a/Dockerfile": "FROM a\n", "images/cpu/b/Dockerfile": "FROM b\n"}
    (tmp_path / "images/arm/old").mkdir(parents=True)
    (tmp_path / "images/arm/old/Dockerfile").write_text("FROM old\n", encoding="utf-8")
    (tmp_path / "images/cpu/a").mkdir(parents=True)
    (tmp_path / "images/cpu/a/Dockerfile").write_text("FROM z\r\n", encoding="utf-8")
    assert compare(tmp_path, "images", wanted) == (
        ("images/arm/old/Dockerfile", "extra"),
        ("images/cpu/a/Dockerfile", "changed"),
        ("images/cpu/b/Dockerfile", "missing"),
    )
    write(tmp_path, "images", wanted)
    assert compare(tmp_path, "images", wanted) == ()
    assert sorted(path.name for path in (tmp_path / "images").iterdir()) == ["cpu"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "images").write_text("a file in the way", encoding="utf-8")
    with pytest.raises(UsageError, match="a rendered file cannot be written"):
        write(tmp_path, "images", {"images/cpu/a/Dockerfile": "FROM a\n"})


def test_what_a_reference_image_copies_from_outside_can_be_read_by_its_user() -> None:
    cells = [cell for cell in REAL.cells() if cell.implementation == "reference"]
    for cell in cells:
        text = REAL.renderer.render(cell).text
        outside = [
            line
            for line in re.findall(r"^COPY .*$", text[text.rindex("\nFROM ") :], re.MULTILINE)
            if "--from=" not in line or re.search(r"--from=(reference|weights-supplied) ", line)
        ]
        assert [line for line in outside if "--chmod=" not in line and "<<" not in line] == [], cell.id
        assert len(outside) >= 4

"""The GitHub workflow: least rights, actions pinned, no value of the repository pasted into a shell."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from typer.main import get_command

from mlperf_bake.cli.app import COMMANDS, app

CHECKOUT = Path(__file__).parents[2]
WORKFLOW = CHECKOUT / ".github" / "workflows" / "publish.yml"


@pytest.fixture(scope="module")
def workflow() -> dict[str, Any]:
    value = yaml.load(WORKFLOW.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)
    assert isinstance(value, dict)
    return value


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_every_action_is_pinned_to_a_commit_with_its_version_beside_it() -> None:
    uses = re.findall(r"^\s*-?\s*uses: (.*)$", WORKFLOW.read_text(encoding="utf-8"), re.M)
    assert uses and all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", use) for use in uses)


def test_jobs_may_read_the_repository_and_nothing_else(workflow: dict[str, Any]) -> None:
    assert workflow["permissions"] == {}
    assert [job["permissions"] for job in workflow["jobs"].values()] == [{"contents": "read"}] * 2
    checkouts = [step for step in steps(workflow) if "checkout@" in step.get("uses", "")]
    assert all(step["with"]["persist-credentials"] == "false" for step in checkouts)


def test_scripts_take_values_from_variables_alone(workflow: dict[str, Any]) -> None:
    assert not [step["run"] for step in steps(workflow) if "${{" in step.get("run", "")]


def test_pull_requests_publish_nothing_and_see_no_secret(workflow: dict[str, Any]) -> None:
    for step in steps(workflow):
        if "secrets." in str(step):
            assert "github.event_name != 'pull_request'" in step["if"]
        if "--push" in step.get("run", ""):
            assert step["env"]["REGISTRY"].startswith("${{ github.event_name != 'pull_request' &&")


@pytest.mark.parametrize(
    "page", [WORKFLOW, CHECKOUT / "docs" / "ci.md", CHECKOUT / "docs" / "machines.md"], ids=str
)
def test_every_command_and_option_that_a_page_names_exists(page: Path) -> None:
    lines = [line for line in page.read_text(encoding="utf-8").splitlines() if "mlperf-bake " in line]
    found = [
        (name, set(re.findall(r"(?<=[\s(\"])--[a-z-]+", rest)))
        for line in lines
        for name, rest in re.findall(r"(?:^|[\s/`])mlperf-bake ([a-z]+)\b([^`]*)", line)
        if name in COMMANDS
    ]
    assert found
    for name, options in found:
        words = [name, "matrix"] if name == "ci" else [name]
        done = CliRunner().invoke(get_command(app([name])), [*words, "--help"], env={"COLUMNS": "200"})
        assert done.exit_code == 0
        assert options <= set(re.findall(r"--[a-z-]+", done.output)), (page.name, name)

"""The commit that a tag or branch of a git repository names now."""

import re

from mlperf_bake.engine.command import call
from mlperf_bake.errors import UsageError
from mlperf_bake.lock.unreachable import Unreachable

ANSWER_LIMIT_S = 60.0
QUIET = {"GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}


def is_commit(revision: str) -> bool:
    """Whether it is a commit in full, which no repository needs to be asked for."""
    return re.fullmatch("[0-9a-f]{40}", revision) is not None


def commit_of(repository: str, revision: str) -> str:
    """40 hex digits.

    Args:
        repository: its address.
        revision: a tag or branch, asked of the repository, a tag before a branch of its name; a commit in full is taken
            as it is.

    Errors:
        Unreachable: the repository does not answer.
        UsageError: it has no such tag or branch.
    """
    if is_commit(revision):
        return revision
    # An annotated tag is an object of its own; the commit behind it is listed with ^{}.
    names = (f"refs/tags/{revision}^{{}}", f"refs/tags/{revision}", f"refs/heads/{revision}")
    answer = call(
        ["git", "ls-remote", "--exit-code", "--", repository, *names], timeout=ANSWER_LIMIT_S, env=QUIET
    )
    found = dict(line.split("\t", 1)[::-1] for line in answer.stdout.splitlines() if "\t" in line)
    commits = [found[name] for name in names if name in found]
    if answer.exit_code == 2 or (answer.ok and not commits):
        raise UsageError(
            f'there is no tag or branch "{revision}"',
            where=repository,
            expected="a tag, a branch, or a commit in full",
            remedy="correct it in matrix.yaml, then `mlperf-bake lock`",
        )
    if not answer.ok:
        raise Unreachable(
            "the repository does not answer",
            where=repository,
            found=answer.complaint,
            remedy="check address and network, or name the commit in full in matrix.yaml; then `mlperf-bake lock`",
        )
    return commits[0]

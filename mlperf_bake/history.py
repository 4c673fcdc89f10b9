"""What git knows of a checkout: which files differ from an earlier commit, and what that commit held. Reads only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.engine.command import Finished, call
from mlperf_bake.errors import UsageError
from mlperf_bake.plan.affected import Changes, changes
from mlperf_bake.project import IMAGES, Project
from mlperf_bake.render.checkout import NAME

ANSWER_LIMIT_S = 60.0
QUIET = {"GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}


def changes_since(project: Project, revision: str) -> Changes:
    """What became of a project's published cells since an earlier commit.

    Errors:
        UsageError: those of History.commit.
        Stale: the lock does not belong to the matrix.
    """
    history = History(project.root)
    commit = history.commit(revision)
    before = history.files(commit, IMAGES, NAME)
    return changes(commit, project.plan(project.published()), before, history.changed_since(commit))


@dataclass(frozen=True, slots=True)
class History:
    """The commits of one checkout. Paths are relative to ``root`` and with ``/``, though git's own top may lie higher."""

    root: Path

    def commit(self, revision: str) -> str:
        """The commit in full (40 hex digits) that a name, tag or shortened hash means.

        Errors:
            UsageError: git is missing, this is no git checkout, or it has no such commit.
        """
        answer = self._git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}")
        if answer.ok:
            return answer.stdout.strip()
        if not self._git("rev-parse", "--git-dir").ok:
            raise UsageError(
                "this is no git checkout, so nothing is known of earlier commits",
                where=str(self.root),
                found=answer.complaint,
                remedy="run the command in a clone of the repository",
            )
        shallow = self._git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        raise UsageError(
            f'there is no commit "{revision[:80]}" here',
            where=str(self.root),
            found="a shallow clone, which holds only the newest commits" if shallow else "no such name",
            expected="a commit, tag or branch",
            remedy="git fetch --unshallow" if shallow else "git fetch, or name another commit",
        )

    def changed_since(self, commit: str) -> frozenset[str]:
        """Every path whose content or mode in the working tree is another than in ``commit``: committed since, not
        committed yet, new and not ignored, or removed."""
        tracked = self._must("diff", "--name-only", "--no-renames", "--relative", "-z", commit, "--", ".")
        new = self._must("ls-files", "--others", "--exclude-standard", "-z", "--", ".")
        return frozenset(filter(None, (tracked + new).split("\0")))

    def files(self, commit: str, directory: str, name: str) -> dict[str, str]:
        """Path and text of every file called ``name`` below ``directory``, as ``commit`` has it."""
        listed = self._must("ls-tree", "-r", "-z", "--name-only", commit, "--", f"{directory}/")
        paths = [path for path in listed.split("\0") if path.rpartition("/")[2] == name]
        return dict(zip(paths, self._texts(commit, paths), strict=True))

    def _texts(self, commit: str, paths: Iterable[str]) -> list[str]:
        """The content of files of a commit, by one call of git."""
        wanted = "".join(f"{commit}:./{path}\n" for path in paths)
        done = subprocess.run(
            ["git", "-C", str(self.root), "cat-file", "--batch"],
            input=wanted.encode(),
            capture_output=True,
            timeout=ANSWER_LIMIT_S,
            check=False,
        )
        texts: list[str] = []
        rest = done.stdout
        while rest:
            header, _, rest = rest.partition(b"\n")
            size = int(header.split()[2])
            texts.append(rest[:size].decode(errors="replace"))
            rest = rest[size + 1 :]
        return texts

    def _must(self, *words: str) -> str:
        answer = self._git(*words)
        if not answer.ok:
            raise UsageError(
                "git cannot say what changed",
                where=str(self.root),
                found=answer.complaint,
                remedy=f"git -C {self.root} {words[0]} must work",
            )
        return answer.stdout

    def _git(self, *words: str) -> Finished:
        return call(["git", "-C", str(self.root), *words], timeout=ANSWER_LIMIT_S, env=QUIET)

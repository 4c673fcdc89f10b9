"""What git knows of a checkout: which files differ from an earlier commit, and what that commit held. Reads only."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from mlperf_bake.engine.command import NOT_FOUND, Finished, call
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
        if not (repository := self._git("rev-parse", "--git-dir")).ok:
            raise self._no_repository(repository)
        shallow = self._git("rev-parse", "--is-shallow-repository").stdout.strip() == "true"
        raise UsageError(
            f'there is no commit "{revision[:80]}" here',
            where=str(self.root),
            found="a shallow clone, which holds only the newest commits" if shallow else "no such name",
            expected="a commit, tag or branch",
            remedy="git fetch --unshallow" if shallow else "git fetch, or name another commit",
        )

    def _no_repository(self, answer: Finished) -> UsageError:
        """What to raise where git does not take the directory for a checkout: it is none, or git has a reason not to."""
        if answer.exit_code == NOT_FOUND:
            return UsageError(
                "what changed since a commit is asked of git, and there is no git command",
                found=answer.complaint,
                remedy="install git, then the same command again",
            )
        if "dubious ownership" in answer.stderr:
            return UsageError(
                "git does not read this checkout, which belongs to another user",
                where=str(self.root),
                found=next(line for line in answer.stderr.splitlines() if "dubious ownership" in line),
                expected="a checkout of the user who asks, or one that this user trusts",
                remedy=answer.complaint,  # git's own last line: the command, for the top of the repository
            )
        return UsageError(
            "this is no git checkout, so nothing is known of earlier commits",
            where=str(self.root),
            found=answer.complaint,
            remedy="run the command in a clone of the repository",
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
        texts: list[str] = []
        rest = self._contents(wanted.encode())
        while rest:
            header, _, rest = rest.partition(b"\n")
            size = int(header.split()[2])
            texts.append(rest[:size].decode(errors="replace"))
            rest = rest[size + 1 :]
        return texts

    def _contents(self, wanted: bytes) -> bytes:
        """What ``git cat-file --batch`` says to these names; a clone without contents (--filter) asks its origin for them."""
        command = ["git", "-C", str(self.root), "cat-file", "--batch"]
        try:
            done = subprocess.run(
                command, input=wanted, capture_output=True, timeout=ANSWER_LIMIT_S, check=False
            )
            complaint = done.stderr.decode(errors="replace").strip().rpartition("\n")[2]
        except subprocess.TimeoutExpired:
            done, complaint = None, f"no answer within {ANSWER_LIMIT_S:.0f} s"
        if done is None or done.returncode:
            raise UsageError(
                "git does not have the files of the earlier commit",
                where=str(self.root),
                found=complaint,
                expected="every file of that commit, here or from the origin of a partial clone",
                remedy="run the command where the clone's origin answers, or in a clone made without --filter",
            )
        return done.stdout

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

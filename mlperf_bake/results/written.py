"""Where a file that the user names can be written: a report, an accuracy.txt."""

from pathlib import Path


def takes_file(path: Path) -> bool:
    """Whether a file can be put there: a new one, or one in place of a plain file; never of a link or a device."""
    return path.parent.is_dir() and not path.is_symlink() and (path.is_file() or not path.exists())

"""Where a file that the user names can be written, and writing one whole or not at all."""

from pathlib import Path


def takes_file(path: Path) -> bool:
    """Whether a file can be put there: a new one, or one in place of a plain file; never of a link or a device."""
    return path.parent.is_dir() and not path.is_symlink() and (path.is_file() or not path.exists())


def replace_text(path: Path, text: str) -> None:
    """Writes a text file in one step: whoever looks, or whenever we are killed, finds the old content or the new.

    One writer at a time; what a killed one left is overwritten.

    Raises:
        OSError: the system refuses it; the file is then as it was.
    """
    partial = path.with_name(f".{path.name[:200]}.partial")
    try:
        partial.write_text(text, encoding="utf-8")
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)

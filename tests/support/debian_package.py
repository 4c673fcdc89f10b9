"""Makes Debian packages by hand, good and bad ones, for tests."""

import io
import tarfile

from mlperf_bake.assets.debian_archive import MAGIC


def member(name: str, content: bytes) -> bytes:
    """A member of an ar archive, padded to an even length."""
    header = f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
    return header + content + b"\n" * (len(content) % 2)


def package(
    files: dict[str, bytes], compression: str = "xz", extra: tuple[tarfile.TarInfo, ...] = ()
) -> bytes:
    """A package with these files, and tar members that hold no data."""
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{compression}") as data:  # type: ignore[call-overload]
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            data.addfile(entry, io.BytesIO(content))
        for entry in extra:
            data.addfile(entry)
    control = member("control.tar.xz", b"odd")
    return (
        MAGIC
        + member("debian-binary", b"2.0\n")
        + control
        + member(f"data.tar.{compression}", stream.getvalue())
    )

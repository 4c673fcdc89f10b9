"""A program in buildx's place: it answers ``bake`` at once, as a folder of its own says it should.

The folder holds ``calls`` (a line a call: the target), and where a test puts them: ``TARGET.fails`` (what the call says before it
fails, once where the text ends with ``once``), ``TARGET.waits`` (the call ends when this file is gone), ``TARGET.begins`` (names
a directory that the call makes before anything else, as the beginning of what it writes).
"""

from pathlib import Path

from mlperf_bake.engine.find import Engine
from mlperf_bake.engine.version import Version

SCRIPT = r"""#!/bin/sh
for word in "$@"; do
  case "$word" in --metadata-file=*) metadata=${word#*=};; esac
  target=$word
done
here=$(dirname "$0")
echo "$target" >> "$here/calls"
if [ -e "$here/$target.begins" ]; then mkdir -p "$(cat "$here/$target.begins")/ingest"; fi
while [ -e "$here/$target.waits" ]; do sleep 0.05; done
if [ -e "$here/$target.fails" ]; then
  text=$(cat "$here/$target.fails")
  case "$text" in *once) rm "$here/$target.fails";; esac
  echo "ERROR: failed to solve: ${text%once}" >&2
  exit 1
fi
printf '{"%s": {"containerimage.digest": "sha256:%064d"}}' "$target" 1 > "$metadata"
"""


def stand_in_engine(folder: Path) -> Engine:
    """An engine whose buildx is the script; nothing else of it answers."""
    program = folder / "buildx"
    program.write_text(SCRIPT, encoding="utf-8")
    program.chmod(0o755)
    version = Version(26, 1, 5)
    return Engine(
        docker="docker",
        buildx=(str(program),),
        host="unix:///nowhere.sock",
        client=version,
        server=version,
        buildx_version=version,
        platform="linux/amd64",
        containerd_store=True,
        memory_bytes=1 << 34,
        cpus=2,
        root_dir="",
    )


def calls(folder: Path) -> list[str]:
    """The targets that were asked for, in order."""
    file = folder / "calls"
    return file.read_text(encoding="utf-8").split() if file.exists() else []

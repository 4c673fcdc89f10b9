"""A builder or runner in a process of its own, to be interrupted or killed: ``driver.py REQUEST.pickle``.

The pickle holds ``("build", images, options)`` or ``("run", request)``; the exit code is that of the command line.
"""

import pickle
import sys
from pathlib import Path

from mlperf_bake.build.service import build_images
from mlperf_bake.engine.find import find_engine
from mlperf_bake.errors import BakeError
from mlperf_bake.run.service import run_image


def main(request: Path) -> int:
    what, *arguments = pickle.loads(request.read_bytes())
    try:
        if what == "build":
            build_images(arguments[0], find_engine(), arguments[1], say=_say).raise_if_failed()
        else:
            run_image(arguments[0], find_engine(), say=_say)
    except BakeError as error:
        _say(str(error))
        return error.exit_code
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))

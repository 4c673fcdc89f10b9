"""A library that is not installed is a sentence with the command that installs it, and nothing needs one before."""

import subprocess
import sys

import pytest

from mlperf_bake.accuracy.libraries import library
from mlperf_bake.errors import UsageError

LIBRARIES = (
    "nibabel",
    "nltk",
    "numpy",
    "pycocotools",
    "rapidfuzz",
    "rouge_score",
    "tokenizers",
    "whisper_normalizer",
)


def test_a_library_that_is_there_is_given() -> None:
    assert library("json.decoder", "reading").JSONDecoder is not None


def test_one_that_is_absent_names_itself_and_the_command() -> None:
    with pytest.raises(UsageError, match="counting sheep needs the library sheepcount") as raised:
        library("sheepcount.counter", "counting sheep")
    assert f"{sys.executable} -m pip install 'mlperf-bake[accuracy]'" in str(raised.value.remedy)


def test_importing_every_task_imports_no_library() -> None:
    program = (
        "import sys; from mlperf_bake.accuracy.registry import TASKS;"
        "[task.function() for task in TASKS.values()];"
        f"print(sorted(set({LIBRARIES!r}) & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"

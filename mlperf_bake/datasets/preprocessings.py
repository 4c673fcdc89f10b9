"""All preprocessings: those of the models that are built here (preprocessing.py), and those of other official data sets."""

from collections.abc import Mapping
from types import MappingProxyType

from mlperf_bake.assets.preprocessing import PREPROCESSINGS, Preprocessing
from mlperf_bake.datasets.letterbox import EDGE, yolo_640, yolo_rect_640
from mlperf_bake.datasets.recordings import pcm_16k, pcm_16k_joined
from mlperf_bake.datasets.stored import WIDTH, clicks, utf8
from mlperf_bake.datasets.volumes import volume_kits19
from mlperf_bake.errors import UsageError

OFFICIAL = (
    Preprocessing(
        "volume-kits19",
        "CT volume, voxels of 1.6 x 1.2 x 1.2 mm, normalised, sides a multiple of 64",
        (1, 0, 0, 0),
        volume_kits19,
    ),
    Preprocessing("pcm-16k", "recording, 16,000 samples a second, -1 to 1", (0,), pcm_16k),
    Preprocessing(
        "pcm-16k-joined",
        "recordings with half a second between two, 16,000 samples a second",
        (0,),
        pcm_16k_joined,
    ),
    Preprocessing("utf8", "text, its bytes in UTF-8", (0,), utf8, "uint8", heavy=False),
    Preprocessing(
        "clicks-227",
        "rows of 13 values (the bits of a float32) and 214 indices",
        (0, WIDTH),
        clicks,
        "int32",
        heavy=False,
    ),
    Preprocessing("yolo-640", "photo in a grey square of 640 x 640, pixel / 255", (3, EDGE, EDGE), yolo_640),
    Preprocessing(
        "yolo-rect-640",
        "photo of 640 at the longer side, grey to multiples of 32, pixel / 255",
        (3, 0, 0),
        yolo_rect_640,
    ),
)
KNOWN: Mapping[str, Preprocessing] = MappingProxyType(
    {**PREPROCESSINGS, **{item.id: item for item in OFFICIAL}}
)


def find_known(name: str) -> Preprocessing:
    """The preprocessing of that id.

    Raises:
        UsageError: there is none.
    """
    try:
        return KNOWN[name]
    except KeyError:
        raise UsageError(f'unknown preprocessing "{name}"', expected="one of " + ", ".join(KNOWN)) from None

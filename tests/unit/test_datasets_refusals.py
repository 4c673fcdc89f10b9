"""What users have in place of the official files: nothing, empty files, other bytes. Each is refused in plain words."""

import re
from pathlib import Path

import pytest

from mlperf_bake.cache.store import Cache
from mlperf_bake.datasets.declared import UserDirectory, datasets
from mlperf_bake.datasets.prepare import prepare
from mlperf_bake.errors import UsageError

PYTHONS_WORDS = re.compile(r"Errno|codec|[A-Z]\w+Error\b|pickle\.load|b'")
FILES = {
    "imagenet": ("ILSVRC2012_img_val.tar",),
    "openimages": ("annotations/openimages-mlperf.json", "validation/data/a.jpg"),
    "squad": ("dev-v1.1.json", "vocab.txt"),
    "cnn-dailymail": ("cnn_eval.json",),
    "cnn-dailymail-edge": ("cnn_eval_5000.json",),
    "cnn-dailymail-calibration": ("cnn_dailymail_calibration.json",),
    "kits19": ("case_00000/imaging.nii.gz", "case_00000/segmentation.nii.gz"),
    "librispeech": ("dev-clean.tar.gz",),
    "librispeech-30s": ("dev-clean.tar.gz", "dev-other.tar.gz"),
    "open-orca": ("open_orca_gpt4_tokenized_llama.sampled_24576.pkl",),
    "open-orca-calibration": ("open_orca_gpt4_tokenized_llama.calibration_1000.pkl",),
    "mixtral-15k": ("09292024_mixtral_15k_mintoken2_v1.pkl",),
    "criteo": ("day_23_dense.npy", "day_23_sparse_multi_hot.npz", "day_23_labels.npy"),
    "criteo-calibration": ("day_23_dense.npy", "day_23_sparse_multi_hot.npz", "day_23_labels.npy"),
    "coco-2014": ("captions_source.tsv",),
    "coco-2017": ("annotations/instances_val2017.json", "val2017/000.jpg"),
}


def test_every_data_set_of_the_users_own_files_is_tried() -> None:
    own = {name for name, dataset in datasets().items() if isinstance(dataset.source, UserDirectory)}
    assert set(FILES) == own


@pytest.mark.parametrize(
    "content", [None, b"", b"not what you think \x00\xff" * 300, b"{}", b"\x1f\x8b cut off"]
)
@pytest.mark.parametrize("name", FILES)
def test_other_files_are_refused_in_plain_words(name: str, content: bytes | None, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for file in FILES[name] if content is not None else ():
        (source / file).parent.mkdir(parents=True, exist_ok=True)
        (source / file).write_bytes(content or b"")
    preprocessing = datasets()[name].preprocessings[0]
    with pytest.raises(UsageError) as refused:
        prepare(name, preprocessing, source=source, cache=Cache(tmp_path / "cache"), workers=1)
    assert str(source) in str(refused.value.where)
    assert not PYTHONS_WORDS.search(str(refused.value))

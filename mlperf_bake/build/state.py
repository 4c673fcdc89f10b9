"""What the engine has built already, by fingerprint, and what a build would make of planned images therefore.

Images are looked up by the names that a build gives them: what other images the engine keeps costs nothing then. Only where
so many names are asked for that it takes longer are the images listed instead.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus

from mlperf_bake.engine.daemon_socket import DaemonSocket
from mlperf_bake.engine.host import UNIX
from mlperf_bake.engine.images import Told, inspected, listed
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.plan.state import (
    INGREDIENTS_LABEL,
    OTHER_NAME,
    ROUND_LABEL,
    UP_TO_DATE,
    State,
    read_ingredients,
    state,
)

CELL_LABEL = "org.mlperf-bake.cell"
FINGERPRINT_LABEL = "org.mlperf-bake.fingerprint"

FEW_NAMES = 200
"""So many are always looked up."""
NAMES_AN_IMAGE = 20
"""As many names that are not there take as long to look up as one image to list."""


@dataclass(frozen=True, slots=True)
class BuiltImage:
    """An image in the engine's store that one of our builds made.

    Attributes:
        id: ``sha256:`` and 64 hex digits.
        fingerprint: its label.
        tags: the references it has now.
        labels: all its labels, sorted by name.
        size: bytes, as the engine reports it; layers that it shares with other images count too.
    """

    id: str
    fingerprint: str
    tags: tuple[str, ...]
    labels: tuple[tuple[str, str], ...]
    size: int = 0


def named_images(host: str, references: Iterable[str]) -> Mapping[str, BuiltImage]:
    """Fingerprint to image, for those of the references that name an image of ours; unknown ones are left out.

    Args:
        host: the daemon's URL, as ``Engine.host`` or ``daemon_host()``.

    Raises:
        EngineMissing: the daemon does not answer.
    """
    names = tuple(dict.fromkeys(references))
    told = _listed(host, names) if _listing_is_faster(host, names) else inspected(host, names).values()
    return {image.fingerprint: image for one in told if (image := _built(one))}


def states(
    images: Sequence[PlannedImage], there: Iterable[str], asked: Iterable[str], host: str, round_name: str
) -> list[State]:
    """What a build would do with each image, and why.

    Args:
        there: ids of the cells whose image is there under the name that a build looks for.
        asked: the names that were looked for.

    Raises:
        EngineMissing: the daemon does not answer.
    """
    present, known = set(there), set(asked)
    waiting = [image for image in images if image.cell_id not in present]
    others = named_images(host, [tag for image in waiting for tag in image.tags if tag not in known])
    last = _last_ingredients(others, round_name)

    def judged(image: PlannedImage) -> State:
        if image.cell_id in present:
            return UP_TO_DATE
        return OTHER_NAME if image.fingerprint in others else state(image, last.get(image.cell_id))

    return [judged(image) for image in images]


def _last_ingredients(built: Mapping[str, BuiltImage], round_name: str) -> dict[str, dict[str, str]]:
    """Cell id to the ingredients of the image of it that was built for a round."""
    labels = [dict(image.labels) for image in built.values()]
    return {
        one.get(CELL_LABEL, ""): read_ingredients(one.get(INGREDIENTS_LABEL, ""))
        for one in labels
        if one.get(ROUND_LABEL) in (None, round_name)
    }


def _listing_is_faster(host: str, names: Sequence[str]) -> bool:
    if len(names) <= FEW_NAMES or not host.startswith(UNIX):
        return False
    with DaemonSocket(host.removeprefix(UNIX)) as daemon:
        status, info = daemon.request("GET", "/info")
    images = info.get("Images") if status == HTTPStatus.OK and isinstance(info, dict) else None
    return isinstance(images, int) and len(names) > NAMES_AN_IMAGE * images


def _listed(host: str, names: Sequence[str]) -> list[Told]:
    """The images with these names, out of a list of all whose names begin as they do."""
    wanted = set(names)
    patterns = sorted({f"{name.rpartition('/')[0]}/*" if "/" in name else "*" for name in names})
    found = listed(host.removeprefix(UNIX), patterns)
    return [
        one for one in found if isinstance(tags := one.get("RepoTags"), list) and not wanted.isdisjoint(tags)
    ]


def _built(told: Told) -> BuiltImage | None:
    """An image as one of ours, if it is."""
    config, tags = told.get("Config"), told.get("RepoTags")
    labels = config.get("Labels") if isinstance(config, dict) else told.get("Labels")
    labels = labels if isinstance(labels, dict) else {}
    fingerprint = str(labels.get(FINGERPRINT_LABEL) or "")
    if not fingerprint.startswith("sha256:"):
        return None
    return BuiltImage(
        id=str(told.get("Id")),
        fingerprint=fingerprint,
        tags=tuple(sorted(str(tag) for tag in tags)) if isinstance(tags, list) else (),
        labels=tuple(sorted((str(name), str(value)) for name, value in labels.items())),
        size=size if isinstance(size := told.get("Size"), int) else 0,
    )

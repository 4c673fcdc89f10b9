"""Volumes of 3D-UNet: a CT image in NIfTI's form to the voxels that the network's window slides over, and its segmentation.

Follows preprocess.py and global_vars.py of mlcommons/inference (vision/medical_imaging/3d-unet-kits19): voxels of 1.6 x 1.2 x
1.2 mm; Hounsfield units cut to -79 to 304, less 101, by 76.9; at least 128 voxels a side, then a multiple of 64, cut where less
than 32 are over, else padded with -2.2. It resamples with SciPy's zoom (order 1, the segmentation order 0, ``constant``), which
is written out here for these two orders. Held against it on random volumes: images equal to 1e-6, segmentations to the voxel.
"""

from __future__ import annotations

import gzip
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from mlperf_bake.accuracy.libraries import library
from mlperf_bake.assets.preprocessing import Unreadable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SPACING: Final = (1.6, 1.2, 1.2)  # mm
LOWEST, HIGHEST = -79.0, 304.0  # Hounsfield units
MEAN, DEVIATION = 101.0, 76.9
PADDING: Final = -2.2
WINDOW, STRIDE = 128, 64  # voxels
GZIP: Final = b"\x1f\x8b"


@dataclass(frozen=True, slots=True)
class Axis:
    """Where the new positions along an axis lie between the old ones.

    Attributes:
        first, second: the two old positions.
        share: how far each new one is from the first to the second.
        nearest: the old position that is next.
        outside: whether the new one lies beyond the last old one, by a rounding error; it takes the filling value, as in SciPy.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    share: NDArray[np.float64]
    nearest: NDArray[np.int64]
    outside: NDArray[np.bool_]


def volume_kits19(raw: bytes) -> NDArray[np.float32]:
    """A NIfTI image, gzipped or not, for 3D-UNet: [1, depth, height, width]."""
    import numpy as np

    voxels, spacing = read_nifti(raw)
    image = resampled(voxels.astype(np.float32), spacing)
    np.clip(image, np.float32(LOWEST), np.float32(HIGHEST), out=image)
    image -= np.float32(MEAN)
    image /= np.float32(DEVIATION)
    return fitted(image, PADDING)[None]


def segmentation_kits19(raw: bytes) -> NDArray[np.uint8]:
    """The segmentation that belongs to such an image: [depth, height, width]."""
    import numpy as np

    classes, spacing = read_nifti(raw)
    return fitted(nearest(classes.astype(np.uint8), spacing), 0)


def read_nifti(raw: bytes) -> tuple[NDArray[Any], tuple[float, ...]]:
    """The voxels of an image and their spacing in mm.

    Raises:
        Unreadable: not a whole NIfTI image of three dimensions.
    """
    import numpy as np

    nibabel = library("nibabel", "reading NIfTI volumes", "data")
    try:
        content = gzip.decompress(raw) if raw.startswith(GZIP) else raw
        image = nibabel.Nifti1Image.from_bytes(content)
        voxels = np.asanyarray(image.dataobj)
        spacing = tuple(float(value) for value in image.header["pixdim"][1:4])
    except _faults(nibabel) as error:
        raise Unreadable(str(error)[:200] or type(error).__name__) from error
    _require_volume(voxels.shape, spacing)
    if not np.issubdtype(voxels.dtype, np.number) or np.issubdtype(voxels.dtype, np.complexfloating):
        raise Unreadable(f"voxels of {voxels.dtype}")
    return voxels, spacing


def header_of(raw: bytes) -> tuple[tuple[int, ...], tuple[float, ...]]:
    """The shape and the spacing that a NIfTI image's first bytes tell.

    Raises:
        Unreadable: no such header.
    """
    nibabel = library("nibabel", "reading NIfTI volumes", "data")
    try:
        header = nibabel.Nifti1Header(raw)
        shape = tuple(int(side) for side in header.get_data_shape())
    except _faults(nibabel) as error:
        raise Unreadable(str(error)[:200]) from error
    spacing = tuple(float(value) for value in header["pixdim"][1:4])
    _require_volume(shape, spacing)
    return shape, spacing


def fitted_shape(shape: tuple[int, ...], spacing: tuple[float, ...]) -> tuple[int, ...]:
    """The shape that a volume has when it is prepared."""
    sides = []
    for side, old, new in zip(shape, spacing, SPACING, strict=True):
        length = max(WINDOW, side if spacing == SPACING else round(side * (old / new)))
        over = length % STRIDE
        length = length - over if over < STRIDE // 2 else length - over + STRIDE
        sides.append(length)
    return tuple(sides)


def resampled(image: NDArray[np.float32], spacing: tuple[float, ...]) -> NDArray[np.float32]:
    """The image at voxels of SPACING, trilinear; a slice at a time, in 64-bit floats."""
    import numpy as np

    if spacing == SPACING:
        return image
    z, y, x = (_axis(*sizes) for sizes in zip(image.shape, spacing, SPACING, strict=True))
    outside = y.outside[:, None] | x.outside[None]
    filling = image.min()
    result = np.empty((len(z.first), len(y.first), len(x.first)), np.float32)
    for place in range(len(z.first)):
        near, far = (image[at[place]].astype(np.float64) for at in (z.first, z.second))
        plane = near + (far - near) * z.share[place]
        rows = plane[y.first] * (1 - y.share)[:, None] + plane[y.second] * y.share[:, None]
        slice_ = rows[:, x.first] * (1 - x.share) + rows[:, x.second] * x.share
        result[place] = np.where(outside | z.outside[place], filling, slice_)
    return result


def nearest(classes: NDArray[np.uint8], spacing: tuple[float, ...]) -> NDArray[np.uint8]:
    """The segmentation at voxels of SPACING: each takes the class of the next old one."""
    import numpy as np

    if spacing == SPACING:
        return classes
    axes = [_axis(*sizes) for sizes in zip(classes.shape, spacing, SPACING, strict=True)]
    result = classes[np.ix_(*(axis.nearest for axis in axes))]
    for number, axis in enumerate(axes):
        np.moveaxis(result, number, 0)[axis.outside] = classes.min()
    return result


def fitted(volume: NDArray[Any], padding: float) -> NDArray[Any]:
    """The volume with sides that the window goes into: widened by its edges to WINDOW, cut or padded to multiples of STRIDE."""
    import numpy as np

    lacking = [max(0, WINDOW - side) for side in volume.shape]
    volume = np.pad(volume, [(some // 2, some - some // 2) for some in lacking], mode="edge")
    over = [side % STRIDE for side in volume.shape]
    cut = [some if some < STRIDE // 2 else 0 for some in over]
    volume = volume[
        tuple(
            slice(some // 2, side - (some - some // 2)) for some, side in zip(cut, volume.shape, strict=True)
        )
    ]
    missing = [-side % STRIDE for side in volume.shape]
    missing = [
        some if side + some >= WINDOW else some + STRIDE
        for some, side in zip(missing, volume.shape, strict=True)
    ]
    sides = [(some // 2, some - some // 2) for some in missing]
    return np.ascontiguousarray(np.pad(volume, sides, mode="constant", constant_values=padding))


def _faults(nibabel: Any) -> tuple[type[Exception], ...]:
    """What nibabel and gzip raise for files that are cut off, damaged or of another kind."""
    return (
        nibabel.filebasedimages.ImageFileError,
        nibabel.spatialimages.HeaderDataError,
        nibabel.wrapstruct.WrapStructError,
        OSError,
        EOFError,
        ValueError,
        TypeError,
        MemoryError,
        zlib.error,
    )


def _require_volume(shape: tuple[int, ...], spacing: tuple[float, ...]) -> None:
    if len(shape) != 3 or min(shape) < 1 or not all(0 < value < 1000 for value in spacing):
        raise Unreadable(f"shape {shape}, voxels of {spacing} mm; expected three dimensions")


def _axis(length: int, spacing: float, wanted: float) -> Axis:
    import numpy as np

    resized = round(length * (spacing / wanted))
    if resized < 1:
        raise Unreadable(f"a side of {length} voxels of {spacing} mm is less than one of {wanted} mm")
    step = (length - 1) / (resized - 1) if resized > 1 else 1.0
    place = np.arange(resized, dtype=np.float64) * step
    outside = place > length - 1
    first = np.clip(np.floor(place).astype(np.int64), 0, length - 1)
    return Axis(
        first,
        np.minimum(first + 1, length - 1),
        place - first,
        np.clip(np.floor(place + 0.5).astype(np.int64), 0, length - 1),
        outside,
    )

"""The layout of a built image, without a time of the machine or the day that it was built on."""

from collections.abc import Callable

from mlperf_bake.build.bakefile import Output
from mlperf_bake.errors import Interrupted
from mlperf_bake.oci.layout import Layout
from mlperf_bake.oci.retimed import retime
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.render.stages import own_layers


def settled(image: PlannedImage, output: Output, stopped: Callable[[], bool]) -> Layout:
    """The layout that a build left, in which nothing that the image adds to its base image is younger than ``output.epoch``.

    The layers of the base image stay as they are: the fingerprint holds the base image's digest.

    Errors:
        Interrupted: ``stopped`` says so.
        UsageError: the layout is damaged.
    """
    place = output.layout(image)
    assert place is not None, "only builds into layouts leave one"

    def require_going() -> None:
        if stopped():
            raise Interrupted("the build was interrupted", where=image.cell_id)

    layout = Layout(place)
    retime(layout, output.epoch, own_layers(image.dockerfile, dict(image.contexts)), require_going)
    return layout

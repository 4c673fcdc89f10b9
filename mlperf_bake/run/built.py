"""The image of a cell that a run takes where the user names none, and the fingerprint of any image."""

from collections.abc import Callable

from mlperf_bake.engine.find import Engine
from mlperf_bake.matrix.values import Cell
from mlperf_bake.project import Project


def built_image(project: Project, cell: Cell, engine: Engine, say: Callable[[str], None]) -> str:
    """The newest image of the checkout as it is, with the user's own weights or repository where it was built so; where only
    an older one is there, that one, and the user is told."""
    from mlperf_bake.build.contexts import present_overrides
    from mlperf_bake.build.state import named_images
    from mlperf_bake.plan.state import INGREDIENTS_LABEL, given_contexts_of, read_ingredients

    [planned] = project.plan([cell], present_overrides(project, engine))
    latest = planned.tags[-1]
    built = named_images(engine.host, planned.tags)
    newest = next((image for image in built.values() if latest in image.tags), None)
    if newest:
        ingredients = read_ingredients(dict(newest.labels).get(INGREDIENTS_LABEL, ""))
        if given := given_contexts_of(planned, newest.fingerprint, ingredients):
            say(f"{latest} holds what was given with {' '.join(f'--context {name}=DIR' for name in given)}")
            return latest
    if planned.fingerprint in built:
        return planned.tags[0]
    if newest:
        say(f"{latest} was made from other sources or contexts than the checkout has now;")
        say(f"`mlperf-bake plan {cell.id}` says what differs")
    return latest


def fingerprint_of(reference: str, engine: Engine) -> str:
    """The fingerprint in an image's label; empty where it has none or the engine does not know the image."""
    from mlperf_bake.build.state import named_images

    return next(iter(named_images(engine.host, (reference,))), "")

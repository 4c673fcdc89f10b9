"""Where a cell's rendered Dockerfile lies in a checkout, and the name that moves with its newest image."""

from mlperf_bake.matrix.values import Cell


def image_directory(own_round: str, round_name: str) -> str:
    """Where the Dockerfiles of one round lie: ``images``, and ``images-v5.1`` for another round than the matrix's own."""
    return "images" if round_name == own_round else f"images-{round_name}"


def moving_tag(own_round: str, round_name: str) -> str:
    """The tag of a cell's newest image: ``latest``, and the round's name for another round than the matrix's own."""
    return "latest" if round_name == own_round else round_name


def dockerfile_path(cell: Cell, directory: str = "images") -> str:
    """Relative to the checkout, with ``/``."""
    return f"{directory}/{cell.hardware}/{cell.id}/Dockerfile"

"""Where a cell's rendered Dockerfile lies in a checkout."""

from mlperf_bake.matrix.values import Cell


def dockerfile_path(cell: Cell) -> str:
    """Relative to the checkout, with ``/``."""
    return f"images/{cell.hardware}/{cell.id}/Dockerfile"

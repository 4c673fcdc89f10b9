"""What matrix.yaml declares of a model's weights: values of measurements.json that no run can know.

A declaration speaks of the model's own weights. It counts only for a run of exactly these: those whose sha256 the lock
fixes, or that were held against their makers' MD5 when the image was built. Of weights that are trained anew, given by
the user or converted for a framework nobody but the user can say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlperf_bake.project import Project
    from mlperf_bake.results.manifest import Manifest


def declared_measurements(project: Project, manifest: Manifest) -> Mapping[str, str]:
    """Key of measurements.json to what the matrix declares for this run's weights; without keys that nobody declared.

    Errors:
        UsageError, Stale: the matrix or its lock cannot be read.
    """
    model = project.matrix.models.get(manifest.cell.model)
    framework = project.matrix.frameworks.get(manifest.cell.framework)
    if model is None or framework is None or framework.conversion or manifest.weights is None:
        return {}
    locked = project.lock.weights.get(model.name)
    if locked is None and model.weights.md5 is None:
        return {}
    if locked is not None and locked != manifest.weights.sha256:
        return {}
    values = {"retraining": model.retraining, "weight_transformations": model.weight_transformations}
    return {key: value for key, value in values.items() if value}

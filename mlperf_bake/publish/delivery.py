"""One built image into a registry: blobs, then manifests by digest, then its fixed name, then the one that moves.

The image gets its bill of materials beside its provenance, as statements that Docker's own tools show
(``docker buildx imagetools inspect --format '{{json .SBOM}}'``). A fixed name is given once and never to something else.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mlperf_bake.build.bakefile import Output
from mlperf_bake.build.settled import settled
from mlperf_bake.oci.layout import Layout
from mlperf_bake.oci.packages import inventory
from mlperf_bake.oci.spdx import PREDICATE, base_image, document
from mlperf_bake.plan.image import PlannedImage
from mlperf_bake.plan.planner import REVISION_LABEL
from mlperf_bake.publish.prefix import Prefix
from mlperf_bake.publish.registry import Registry

Said = Callable[[str], None]
Stopped = Callable[[], bool]
Open = Callable[[Said, Stopped], Registry]


@dataclass(frozen=True)
class Publisher:
    """Sends images to one registry; ``deliver`` and ``delivered`` are what a build takes.

    Attributes:
        prefix: where.
        output: where the layouts lie.
        connect: opens the registry, telling who takes its lines and who may stop it.
        sent: digests of blobs to a repository that has them, so that images share base and runtime.
    """

    prefix: Prefix
    output: Output
    connect: Open
    sent: dict[str, str] = field(default_factory=dict)

    def repository(self, image: PlannedImage) -> str:
        """The repository of an image's cell."""
        return self.prefix.repository(image.tags[0].rpartition(":")[0])

    def delivered(self, image: PlannedImage) -> str:
        """The digest that the image's fixed name has in the registry; empty where it has none.

        Errors:
            RegistryFailed.
        """
        registry = self.connect(lambda line: None, lambda: False)
        return registry.digest(self.repository(image), fixed_tag(image))

    def name_again(self, image: PlannedImage, digest: str, said: Said) -> None:
        """Moves the moving name to the image that lies there: an earlier push may have ended between the two, or another one
        have moved it since.

        Errors:
            RegistryFailed.
        """
        registry = self.connect(said, lambda: False)
        repository, tag = self.repository(image), moving_tag(image)
        if registry.digest(repository, tag) != digest:
            content, top = registry.manifest(repository, digest)
            registry.put_manifest(repository, tag, content, top.media_type, moves=True)
            said(f"{self.prefix.host}/{repository}:{tag} names {digest[:19]} again")

    def deliver(self, image: PlannedImage, said: Said, stopped: Stopped) -> str:
        """Sends the image and removes its layout; returns the digest of its index.

        Errors:
            RegistryFailed: nothing is named then.
            UsageError: the layout is damaged.
        """
        try:
            layout = settled(image, self.output, stopped)
            complete(layout, image, self.output.epoch)
            return self._push(self.connect(said, stopped), layout, image, said)
        finally:  # BuildKit's cache gives it again
            if place := self.output.layout(image):
                shutil.rmtree(place, ignore_errors=True)

    def _push(self, registry: Registry, layout: Layout, image: PlannedImage, said: Said) -> str:
        repository, tag = self.repository(image), fixed_tag(image)

        def by_another() -> str:
            if there := registry.digest(repository, tag):
                said(f"{self.prefix.host}/{repository}:{tag} was published meanwhile")
                self.name_again(image, there, said)
            return there

        if there := by_another():
            return there
        for manifest in layout.manifests():
            for blob in layout.blobs_of(manifest):
                source = self.sent.get(blob.digest)
                linked = source is not None and registry.link_blob(repository, blob, source)
                if not linked and registry.put_blob(repository, blob, layout.blob(blob.digest)):
                    said(f"sent {blob.digest[:19]} ({blob.size / 1e6:.1f} MB)")
                self.sent[blob.digest] = repository
            content = layout.blob(manifest.digest).read_bytes()
            registry.put_manifest(repository, manifest.digest, content, manifest.media_type)
        top = layout.top
        content = layout.blob(top.digest).read_bytes()
        if there := by_another():  # while the blobs were on their way
            return there
        digest = registry.put_manifest(repository, tag, content, top.media_type)
        registry.put_manifest(repository, moving_tag(image), content, top.media_type, moves=True)
        said(f"published {self.prefix.host}/{repository}:{tag}@{digest}")
        return digest


def fixed_tag(image: PlannedImage) -> str:
    """The tag that names this fingerprint and never anything else."""
    return image.tags[0].rpartition(":")[2]


def moving_tag(image: PlannedImage) -> str:
    """The tag of the cell's newest image: ``latest``, or the name of another round than the matrix's."""
    return image.tags[-1].rpartition(":")[2]


def complete(layout: Layout, image: PlannedImage, epoch: int) -> None:
    """Adds bill of materials and annotations to a layout that a build left. Errors: UsageError where it is damaged."""
    for built in layout.images():
        found = inventory(layout, built)
        bill = document(
            image.cell_id,
            image.fingerprint,
            built.manifest.digest,
            found,
            image.dockerfile,
            epoch,
            own_base="base" in dict(image.contexts),
        )
        layout.attest([(PREDICATE, bill)], built.manifest)
    layout.index(layout.manifests(), index_annotations(image))


def index_annotations(image: PlannedImage) -> Mapping[str, str]:
    """What the index says of the image, by the keys of the OCI image specification."""
    found = {
        "org.opencontainers.image.title": image.cell_id,
        "org.opencontainers.image.version": fixed_tag(image),
        "org.mlperf-bake.fingerprint": image.fingerprint,
    }
    if revision := dict(image.labels).get(REVISION_LABEL):
        found["org.opencontainers.image.revision"] = revision
    base = base_image(image.dockerfile)
    if base and "base" not in dict(image.contexts):
        found["org.opencontainers.image.base.name"] = base[0]
        found["org.opencontainers.image.base.digest"] = f"sha256:{base[1]}"
    return found

"""What an image carries about its making: in-toto statements beside it in its index."""

from typing import Final

import msgspec

from consumers.builder.registry import Manifest, RegistryClient
from schemas.events.run import Attestation
from schemas.ids import Digest

MOST: Final = 16  # of one image; each platform has one or two
_TYPE: Final = "vnd.docker.reference.type"
_ATTESTATION: Final = "attestation-manifest"
_PREDICATE: Final = "in-toto.io/predicate-type"


class _Descriptor(msgspec.Struct):
    digest: Digest
    annotations: dict[str, str] = {}


class _Listing(msgspec.Struct):
    manifests: list[_Descriptor] = []
    layers: list[_Descriptor] = []


async def attestations(
    client: RegistryClient, repository: str, image: Manifest
) -> tuple[Attestation, ...]:
    """Return what an image's index holds of them, none for an image without an index."""
    if not image.index:
        return ()
    found: list[Attestation] = []
    for entry in _listing(image).manifests:
        if entry.annotations.get(_TYPE) == _ATTESTATION:
            manifest = await client.manifest(repository, entry.digest)
            layers = _listing(manifest).layers if manifest else []
            found += [
                Attestation(layer.annotations[_PREDICATE], layer.digest)
                for layer in layers
                if _PREDICATE in layer.annotations
            ]
    return tuple(found[:MOST])


def _listing(manifest: Manifest) -> _Listing:
    try:
        return msgspec.json.decode(manifest.body, type=_Listing)
    except msgspec.DecodeError:  # what a registry holds beside images is nobody's statement
        return _Listing()

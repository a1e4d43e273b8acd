"""What goes with an image: an SBOM by a scanner of the operator's, a cache that others use."""

from dataclasses import replace

import pytest

from consumers.builder.arguments import Arguments, base_images
from consumers.builder.buildkit.upgrade import relayed
from consumers.builder.images import NotBuildable
from consumers.builder.making import ImageMaker
from consumers.builder.recipe import Recipe
from consumers.builder.registry import INDEXES
from schemas.stack import LANGUAGES
from tests.consumers.builder.kitchen import Kitchen, named
from tests.heavy.engines import started

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /\n", "hello": "extras"}
# Speaks BuildKit's protocol of scanners: one statement into the folder that it names.
SCANNER = """\
FROM scratch
COPY busybox /bin/busybox
COPY scan /bin/scan
ENTRYPOINT ["/bin/busybox", "sh", "/bin/scan"]
"""
SCAN = """\
echo '{"_type": "https://in-toto.io/Statement/v0.1",
       "predicateType": "https://spdx.dev/Document",
       "predicate": {"spdxVersion": "SPDX-2.3"}}' >"$BUILDKIT_SCAN_DESTINATION/all.spdx.json"
"""


async def test_an_sbom_is_written_by_the_operator_s_scanner(kitchen: Kitchen) -> None:
    """The scanner comes from our registry; its statement is told beside the provenance."""
    files = kitchen.runs("") | {"Dockerfile": SCANNER, "scan": SCAN}
    scanner = await kitchen.build(named("scanner"), files, attestations=frozenset())
    kitchen.arguments = Arguments(
        bases=base_images(f"sbom.GENERATOR={scanner.reference}", LANGUAGES)
    )

    built = await kitchen.build(
        named("scanned"), HELLO, attestations=frozenset({"provenance", "sbom"})
    )

    assert scanner.attestations == ()
    predicates = {statement.predicate for statement in built.attestations}
    assert "https://spdx.dev/Document" in predicates
    assert any(each.startswith("https://slsa.dev/provenance/") for each in predicates)


async def test_a_platform_is_built_for(kitchen: Kitchen) -> None:
    """What stack.yml names; without statements there is one image, else an index of it."""
    built = await kitchen.build(named("amd", platforms="linux/amd64"), HELLO)

    index = await kitchen.manifest("alice/hello-amd", built.image)
    assert index
    assert index.media_type in INDEXES
    assert b'"architecture":"amd64"' in index.body.replace(b": ", b":")


async def test_a_bad_platform_is_named(kitchen: Kitchen) -> None:
    """Before anything is built."""
    with pytest.raises(NotBuildable, match=r"functions.arm.platforms"):
        await kitchen.build(named("arm", platforms="arm"), HELLO)

    assert kitchen.said == []


async def test_another_engine_uses_a_function_s_cache(kitchen: Kitchen) -> None:
    """An engine that never built it takes the steps from the registry."""
    step = 'RUN ["/bin/busybox", "sh", "-c", "echo ran >/ran"]'
    order = await kitchen.order(named("shared"), kitchen.runs(step))
    recipe = Recipe(
        archive=kitchen.blobs.path(order.archive),
        target=f"{kitchen.host}/alice/hello-shared:1",
        cache=f"{kitchen.host}/alice/hello-shared:cache-shared",
        foreign=False,
    )
    said: list[str] = []
    await kitchen.make(recipe, said)

    with started(snapshotter=True) as engine:
        said.clear()
        await replace(kitchen, socket=engine.socket).make(recipe, said)

    numbers = {line.split()[0] for line in said if "RUN" in line}
    assert [f"{number} CACHED" in said for number in numbers] == [True]


async def test_a_buildkit_that_stands_alone(kitchen: Kitchen) -> None:
    """Spoken to by its own socket, with no engine's API around it."""
    async with relayed(str(kitchen.socket)) as socket:
        built = await kitchen.build(named("alone"), HELLO, url=f"unix://{socket}")

    assert await kitchen.manifest("alice/hello-alone", built.image)


async def test_an_image_that_is_not_pushed(kitchen: Kitchen) -> None:
    """Built to see whether it can be; nothing leaves the daemon, and no digest is told."""
    order = await kitchen.order(named("dry"), HELLO)
    recipe = Recipe(
        archive=kitchen.blobs.path(order.archive),
        target=f"{kitchen.host}/alice/hello-dry:1",
        push=False,
    )

    digest = await ImageMaker(kitchen.settings()).make(recipe, lambda _: None, lambda _: None)

    assert digest == ""
    assert await kitchen.manifest("alice/hello-dry", "1") is None

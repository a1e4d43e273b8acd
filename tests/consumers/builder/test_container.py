"""Container images: really built, pushed to a registry with a password, known by their digest."""

from tests.consumers.builder.kitchen import Kitchen, named

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /\n", "hello": "hello"}


async def test_an_archive_becomes_an_image(kitchen: Kitchen) -> None:
    """Pushed under the predecessor's name, known by a digest."""
    built = await kitchen.build(named("plain"), HELLO)

    assert built.reference == f"{kitchen.host}/alice/hello-plain@{built.image}"
    assert not built.cached

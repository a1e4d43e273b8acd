"""Steps kept between builds, outside of the daemon that made them."""

import os

import pytest

from consumers.builder.buildkit import (
    Cache,
    Client,
    Export,
    FolderContext,
    Progress,
    Solve,
    Vertex,
)
from tests.consumers.builder.buildkit.conftest import Folder


@pytest.mark.parametrize("kind", ["registry", "inline"])
async def test_a_cache_in_the_registry_is_used(
    pushing: Client, folder: Folder, registry: str, kind: str
) -> None:
    """A daemon that has forgotten everything takes the steps from where they were exported to."""
    context = FolderContext(folder(f"RUN echo {os.urandom(8).hex()} >/fresh\n"))
    name = f"{registry}/alice/cached-{kind}"
    image = Export("image", {"name": f"{name}:1", "push": "true"})
    ref = f"{name}:cache" if kind == "registry" else f"{name}:1"
    keep = Cache(kind, {"ref": ref, "mode": "max"} if kind == "registry" else {})
    heard: list[Progress] = []

    async with pushing.session(contexts={"context": context, "dockerfile": context}) as session:
        await pushing.solve(Solve(session=session, exports=[image], cache_exports=[keep]))
        await pushing.prune(all=True)
        again = Solve(
            session=session, exports=[image], cache_imports=[Cache("registry", {"ref": ref})]
        )
        await pushing.solve(again, heard.append)

    last = {one.name: one for one in heard if isinstance(one, Vertex)}
    (ran,) = [step for name, step in last.items() if " RUN " in name]
    assert ran.cached


async def test_a_cache_that_is_not_there_is_no_failure(
    pushing: Client, folder: Folder, registry: str
) -> None:
    """The first build of all imports a cache that nobody has exported."""
    context = FolderContext(folder("RUN true\n"))
    missing = Cache("registry", {"ref": f"{registry}/alice/never:cache"})

    async with pushing.session(contexts={"context": context, "dockerfile": context}) as session:
        await pushing.solve(Solve(session=session, cache_imports=[missing]))

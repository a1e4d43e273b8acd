"""A registry that must be told first is told, before anything is pushed."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from consumers.builder.requests import RequestBuilder
from schemas.errors import RegistryUnavailable
from tests.consumers.builder.kitchen import Kitchen, named

HELLO = {"Dockerfile": "FROM scratch\nCOPY hello /\n", "hello": "told"}


@dataclass
class Told:
    """Remembers, or is away."""

    away: bool = False
    made: list[str] = field(default_factory=list)

    async def make(self, repository: str) -> bool:
        """Make one."""
        if self.away:
            raise RegistryUnavailable("away")
        known = repository in self.made
        self.made.append(repository)
        return not known


async def test_it_is_told_of_what_is_built(kitchen: Kitchen) -> None:
    """Once a build: what was there unchanged needs no repository."""
    told = Told()
    kitchen = replace(kitchen, repositories=told)

    await kitchen.build(named("told"), HELLO)
    built = await kitchen.build(named("told"), HELLO)

    assert built.cached
    assert told.made == ["alice/hello-told"]
    assert "made the repository alice/hello-told" in kitchen.said


async def test_what_is_asked_for_by_name_too(kitchen: Kitchen, tmp_path: Path) -> None:
    """POST /build goes the same way; while the registry is away nothing is begun."""
    builder = RequestBuilder(kitchen.settings(), Told(away=True))

    with pytest.raises(RegistryUnavailable):
        await builder.make(
            tmp_path / "none.tar",
            f"{kitchen.host}/alice/hello:1",
            arguments={},
            platforms=(),
            push=True,
            secrets={},
            say=kitchen.said.append,
        )

"""Images that are asked for by name: the predecessor's builder, told in its own lines."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from consumers.builder.arguments import NAME, PLATFORM
from consumers.builder.buildkit import Log, Progress, Status, Vertex
from consumers.builder.images import NotBuildable, Say
from consumers.builder.making import ImageMaker
from consumers.builder.recipe import ContainerSettings, Recipe
from consumers.builder.repositories import Repositories
from consumers.builder.transcript import Cover

CONTEXT: Final = "context"
_COMPONENT: Final = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
_IMAGE = re.compile(rf"(?P<path>{_COMPONENT}(?:/{_COMPONENT})*)(?::[a-z0-9_][a-z0-9_.-]{{0,127}})?")


class RequestBuilder:
    """Builds what a signed request asks for, into our registry alone."""

    def __init__(
        self, settings: ContainerSettings, repositories: Repositories | None = None
    ) -> None:
        """Build and push by these settings; without ``repositories`` pushing makes them."""
        self._settings = settings
        self._repositories = repositories
        self._maker = ImageMaker(settings)

    def refusal(self, image: str) -> str:
        """Return why an image may not be made here, "" when it may: it lies in our registry."""
        ours = self._settings.push_registry
        host, _, rest = image.partition("/")
        if host != ours.host:
            return f"images are pushed to {ours.host}"
        found = _IMAGE.fullmatch(rest)
        if found is None:
            return "that is no name with a tag"
        return "" if ours.holds(found["path"]) else f"images are pushed below {ours.path}/"

    async def make(
        self,
        archive: Path,
        image: str,
        *,
        arguments: Mapping[str, str],
        platforms: tuple[str, ...],
        push: bool,
        secrets: Mapping[str, bytes],
        say: Say,
    ) -> None:
        """Build the folder ``context`` of a tar and push it; raises as ImageMaker does."""
        if why := self.refusal(image):
            raise NotBuildable(f"{image} is not pushed from here: {why}")
        for name in arguments:
            if not NAME.fullmatch(name):
                raise NotBuildable(f"buildArgs: {name!r} is no argument's name")
        for platform in platforms:
            if not PLATFORM.fullmatch(platform):
                raise NotBuildable(f"platforms: {platform!r} is none, such as linux/amd64")
        cover = Cover([*secrets.values(), self._settings.login.password])

        def said(line: str) -> None:
            say(cover(line))

        recipe = Recipe(
            archive=archive,
            prefix=CONTEXT,
            target=image if ":" in image.rpartition("/")[2] else f"{image}:latest",
            arguments=arguments,
            platforms=",".join(platforms),
            secrets=secrets,
            push=push,
        )
        if push and self._repositories is not None:
            await self._repositories.make(_path(image))
        await self._maker.make(recipe, lambda progress: _tell(progress, said), said)


def _path(image: str) -> str:
    """Return the repository of an image that may be made here."""
    found = _IMAGE.fullmatch(image.partition("/")[2])
    return found["path"] if found else ""


def _tell(progress: Progress, say: Say) -> None:
    """Say it in the predecessor's lines: ``v: TIME NAME [SECONDSs]``, ``s:`` and ``l:``."""
    match progress:
        case Vertex(name=name, started=started, completed=completed):
            took = f" {(completed - started).total_seconds():.2f}s" if started and completed else ""
            say(f"v: {_time(started)} {name}{took}")
        case Status(id=id, current=current):
            say(f"s: {_time(None)} {id} {current}")
        case Log(text=text):
            for line in text.splitlines():
                say(f"l: {_time(None)} {line}")
        case _:
            pass


def _time(moment: datetime | None) -> str:
    at = (moment or datetime.now(UTC)).astimezone(UTC)
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")

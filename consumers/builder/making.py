"""One image made by BuildKit and pushed: the solve, its session, its limits and how it fails."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from consumers.builder import failures, solving
from consumers.builder.buildkit import BuildkitError, Client, Progress, TarContext
from consumers.builder.engine import Engine, Exporter, PushFailed
from consumers.builder.images import BuildTooLong, Say
from consumers.builder.recipe import ContainerSettings, Recipe
from consumers.builder.registry import api_host
from schemas.ids import Digest

ENGINE: Final = "docker://"
HUB_LOGIN: Final = "https://index.docker.io/v1/"  # what BuildKit calls Docker Hub, asking for us

Take = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class ImageMaker:
    """Makes images with one BuildKit; shared between tasks."""

    settings: ContainerSettings

    async def make(self, recipe: Recipe, take: Take, say: Say) -> Digest:
        """Build and push; return the digest of the image or its index, "" for one not pushed.

        Cancelled, the build stops at once. Raises BuildFailed where the recipe is to blame, else
        EngineUnavailable or RegistryUnavailable.
        """
        seconds, host = self.settings.seconds, self.settings.push_registry.host
        try:
            async with asyncio.timeout(seconds):
                return await self._make(recipe, take, say)
        except TimeoutError as error:
            hint = "make it quicker; whoever runs Pushline sets PUSHLINE_BUILD_SECONDS"
            raise BuildTooLong(f"the build took longer than {seconds:g} s", hint=hint) from error
        except BuildkitError as error:
            raise failures.of_build(error, host) from error
        except PushFailed as error:
            raise failures.of_push(str(error), host) from error

    async def _make(self, recipe: Recipe, take: Take, say: Say) -> Digest:
        engine = self.engine
        exporter: Exporter = await engine.exporter() if engine else "image"
        if recipe.cache and exporter == "moby":
            say("no build cache is kept: this engine can keep none in a registry")
        async with Client.connect(self.settings.url, self.settings.tls) as client:
            pushes = recipe.push and exporter == "image"
            if recipe.foreign and pushes and self.settings.login.user:
                # BuildKit asks one session for what it pulls and pushes, and has one answer a
                # host: whatever it pulls must be there before anybody says who we are.
                bare = replace(recipe, push=False, cache="")
                await self._solve(client, bare, exporter, take, known=False)
            known = pushes or not recipe.foreign
            digest = await self._solve(client, recipe, exporter, take, known=known)
        if engine is None or not recipe.push:
            return digest
        try:
            if exporter == "moby":
                return await engine.push(recipe.target, self.settings.login, say)
            return digest
        finally:
            await engine.forget(recipe.target)

    async def _solve(
        self, client: Client, recipe: Recipe, exporter: Exporter, take: Take, *, known: bool
    ) -> Digest:
        request = solving.request(recipe, self.settings, exporter)
        context = TarContext(recipe.archive, recipe.prefix)
        async with client.session(
            contexts={"context": context, "dockerfile": context},
            credentials=self.credentials if known else None,
            secrets=recipe.secrets.get,
        ) as session:
            return (await client.solve(replace(request, session=session), take)).digest

    @property
    def engine(self) -> Engine | None:
        """Return the engine around BuildKit, None where it stands alone."""
        url = self.settings.url
        return Engine(url.removeprefix(ENGINE)) if url.startswith(ENGINE) else None

    def credentials(self, host: str) -> tuple[str, str]:
        """Return who we are at our own registry; nobody, where a Dockerfile names another."""
        ours = self.settings.push_registry.host
        names = (ours, api_host(ours), HUB_LOGIN if api_host(ours) != ours else ours)
        if host not in names:
            return "", ""
        return self.settings.login.user, self.settings.login.password

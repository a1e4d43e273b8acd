"""A recipe in BuildKit's words."""

from typing import Final

from consumers.builder.buildkit import Cache, Export, Solve
from consumers.builder.engine import Exporter
from consumers.builder.recipe import ContainerSettings, Recipe
from consumers.builder.registry import scheme

# There: "# syntax=" is passed over. It would have another image read the Dockerfile, one that the
# pusher chooses, and is not needed: the daemon's own frontend knows the current syntax.
OWN_FRONTEND: Final = "cmdline"


def request(recipe: Recipe, settings: ContainerSettings, exporter: Exporter) -> Solve:
    """Return what is asked of BuildKit, still without its session."""
    plain = scheme(settings.push_registry.host, insecure=settings.insecure) == "http"
    insecure = {"registry.insecure": "true"} if plain else {}
    export = _export(recipe, exporter, insecure)
    cache = {"ref": recipe.cache, **insecure}
    cached = bool(recipe.cache) and exporter == "image"
    kept = {**cache, "mode": "max", "ignore-error": "true"}
    return Solve(
        frontend_attrs=_attributes(recipe, settings, attested=recipe.push and exporter == "image"),
        exports=[export] if export else [],
        cache_imports=[Cache("registry", cache)] if cached else [],
        cache_exports=[Cache("registry", kept)] if cached else [],
    )


def _attributes(recipe: Recipe, settings: ContainerSettings, *, attested: bool) -> dict[str, str]:
    arguments = {**settings.arguments.environment(), **recipe.arguments}
    attrs = {f"build-arg:{name}": value for name, value in arguments.items()}
    attrs |= {"filename": "Dockerfile", OWN_FRONTEND: ""}
    if recipe.platforms:
        attrs["platform"] = recipe.platforms
    if attested and "provenance" in settings.attestations:
        attrs["attest:provenance"] = "mode=min"  # of no argument's value
    if attested and "sbom" in settings.attestations:
        generator = settings.arguments.generator
        attrs["attest:sbom"] = f"generator={generator}" if generator else ""
    return attrs


def _export(recipe: Recipe, exporter: Exporter, insecure: dict[str, str]) -> Export | None:
    if not recipe.push:
        return None
    if exporter == "moby":
        return Export("moby", {"name": recipe.target})
    return Export("image", {"name": recipe.target, "push": "true", **insecure})

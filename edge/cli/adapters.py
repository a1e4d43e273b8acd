"""How consumers meet the world: the adapters that the settings choose, made when asked for.

What belongs to one choice only is imported where it is chosen: a laptop waits for no S3 client.
"""

import os
from contextlib import AsyncExitStack
from functools import cached_property

from bus.allowance import MIB, Allowance
from bus.connection import Bus
from consumers.builder.bundle import BundleBuilder, BundleSettings
from consumers.builder.images import BuildSecrets, ImageBuilder
from consumers.collector.evidence import Evidence, ForgesAsked
from consumers.deployer.local.client import LocalPlatform
from consumers.deployer.openfaas.client import Gateway
from consumers.deployer.platform import Platform
from consumers.secrets.binding import Binder
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.store import Secrets
from consumers.source.remote import ForgeRemotes, Remotes
from consumers.source.secrets import KnownSecrets
from consumers.timer.router import Router, RouterSettings
from edge.cli.build_secrets import OrderedSecrets
from edge.cli.cluster import binder
from edge.cli.forges import ForgeApis
from edge.cli.gateways import gateway_settings
from edge.cli.honoured import honoured
from edge.cli.known_secrets import GatewayToo, StoredSecrets
from edge.cli.platform_settings import PlatformSettings
from edge.cli.shelves import ArtefactShelves


class Adapters:
    """The adapters of one process; what two consumers ask for is the same object.

    Whatever has to be closed is put on ``closing``, which outlives the consumers.
    """

    def __init__(self, settings: PlatformSettings, bus: Bus, closing: AsyncExitStack) -> None:
        """Make none yet."""
        self.settings = settings
        self.bus = bus
        self.closing = closing

    @cached_property
    def images(self) -> ImageBuilder:
        """Return what turns archives into images, as ``builder`` says."""
        chosen, tools = self.settings.settings, self.settings.tools
        if chosen.builder == "buildkit":
            from consumers.builder.container import ContainerBuilder
            from edge.cli.containers import container_settings, repositories

            return ContainerBuilder(
                self.bus.blobs,
                container_settings(chosen, tools, self.settings.home),
                self.build_secrets,
                repositories(chosen),
            )
        bundles = BundleSettings(
            wheels_only=not chosen.build_from_source,
            path=tools.get("PATH", os.defpath),
            environment={name: value for name, value in tools.items() if name != "PATH"},
        )
        return BundleBuilder(self.bus.blobs, self.settings.home, bundles)

    @cached_property
    def allowance(self) -> Allowance:
        """Return how much is kept of what each tenant's builds and functions print."""
        return Allowance(self.settings.settings.quota_log * MIB)

    @cached_property
    def honoured(self) -> frozenset[str]:
        """Return the fields of stack.yml that builder and platform act on."""
        return honoured(self.settings.settings)

    @cached_property
    def platform(self) -> Platform:
        """Return what runs revisions, as ``platform`` says."""
        if self.settings.settings.platform == "openfaas":
            from consumers.deployer.openfaas.platform import OpenFaasPlatform

            chosen = gateway_settings(self.settings.settings, self.bus.born)
            return OpenFaasPlatform(self.gateway, chosen, self.secrets)
        return LocalPlatform(self.settings.run / "supervisor.sock", self.secrets)

    @cached_property
    def gateway(self) -> Gateway:
        """Return the client of the OpenFaaS gateway."""
        chosen = gateway_settings(self.settings.settings, self.bus.born)
        client = Gateway(chosen.url, chosen.user, chosen.password)
        self.closing.push_async_callback(client.close)
        return client

    @cached_property
    def secrets(self) -> Secrets:
        """Return what opens secrets, for builds and for what runs."""
        return Secrets(self.bus.log, self.bus.blobs, KeyFile(self.settings.keys))

    @cached_property
    def build_secrets(self) -> BuildSecrets:
        """Return what opens the secrets of a build."""
        return OrderedSecrets(self.secrets)

    @cached_property
    def known_secrets(self) -> KnownSecrets:
        """Return who knows which secrets there are, before anything is built."""
        stored = StoredSecrets(self.secrets)
        if self.settings.settings.platform == "openfaas":
            return GatewayToo(stored, self.gateway, self.settings.settings.gateway_namespace)
        return stored

    @cached_property
    def binder(self) -> Binder | None:
        """Return what binds a secrets.yml in the cluster, None where there is no cluster."""
        chosen = self.settings.settings
        if chosen.platform != "openfaas":
            return None
        return binder(chosen, self.bus, self.closing, self.secrets, self.gateway)

    @cached_property
    def functions(self) -> Router:
        """Return what calls functions when their time has come, through a router."""
        at, chosen = self.settings.endpoint, self.settings.settings
        own = "" if chosen.nats_url else f"{at.host}:{at.port}"  # of `up`: its router
        address = chosen.router_address or own
        settings = RouterSettings(url=at.function_url, address=address, token=at.token)
        return Router(settings)

    @cached_property
    def shelves(self) -> ArtefactShelves:
        """Return where artefacts lie."""
        chosen, tools = self.settings.settings, self.settings.tools
        registry = None
        if chosen.builder == "buildkit":
            from edge.cli.containers import container_settings

            registry = container_settings(chosen, tools, self.settings.home)
        return ArtefactShelves(self.bus.blobs, self.settings.home / "bundles", registry)

    @cached_property
    def forges(self) -> ForgeApis:
        """Return the APIs of GitHub and GitLab."""
        return ForgeApis(self.settings.settings, self.closing)

    @cached_property
    def evidence(self) -> Evidence:
        """Return what confirms that a project is gone."""
        return ForgesAsked(self.forges.evidence)

    @cached_property
    def remotes(self) -> Remotes:
        """Return where repositories are fetched."""
        return ForgeRemotes(
            clones=self.forges.clones,
            local=lambda: self.settings.forge.url,
            token=lambda: self.settings.endpoint.token,
            socket=self.settings.forge.socket,
        )

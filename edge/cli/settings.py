"""Settings: read once at start, frozen, handed on as arguments.

The struct is the manual too: ``pushline up --help`` and the README's table are made of its
fields' descriptions.
"""

import getpass
import ipaddress
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from edge.cli import variables
from edge.cli.cluster_settings import InCluster
from edge.cli.variables import SECRET, load, unknown, variable
from schemas.errors import SettingInvalid

LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")

# What pip and npm are told of the machine they run on.
TOOLS: Final = ("PIP_", "NPM_CONFIG_", "npm_config_", "SSL_CERT_")
PROXIES: Final = ("PATH", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "REQUESTS_CA_BUNDLE")


class Settings(InCluster, frozen=True, kw_only=True):
    """All that an operator can set, one variable a field."""

    home: Annotated[
        str, Meta(description="folder of everything kept; default: the user's data folder")
    ] = ""
    context: Annotated[
        str,
        Meta(description="of `pushline context ls`: where users' commands go; empty: see there"),
    ] = ""
    listen: Annotated[
        str,
        Meta(
            description="host:port of the one public port; taken: the next free one",
            pattern=r"^(\[[0-9A-Fa-f:.]+\]|[^:\s]+):\d{1,5}$",
        ),
    ] = "127.0.0.1:8080"
    allow_remote: Annotated[
        bool,
        Meta(description="true: listen may be an address that other machines reach"),
    ] = False
    routers: Annotated[
        int, Meta(description="processes of the router under `up`; one a core at most", ge=1, le=64)
    ] = 1
    connections_per_client: Annotated[
        int,
        Meta(description="from one address, to each router process; 0: any number", ge=0),
    ] = 0
    access_log_every: Annotated[
        int,
        Meta(
            description="`pushline router` logs one request in so many, 5xx always; 0: none", ge=0
        ),
    ] = 1
    root_domain: Annotated[
        str,
        Meta(
            description="functions answer at TENANT.ROOT_DOMAIN/FUNCTION",
            pattern=r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$",
        ),
    ] = "localhost"
    trusted_proxies: Annotated[
        str,
        Meta(
            description="proxies before the router whose X-Forwarded-For and -Proto are believed: "
            "addresses and networks, comma separated, as 127.0.0.1,10.0.0.0/8"
        ),
    ] = ""
    github_webhook_secret: Annotated[
        str, SECRET, Meta(description="verifies X-Hub-Signature-256; unset: /github-event is 401")
    ] = ""
    github_webhook_sha1: Annotated[
        bool, Meta(description="true: also take the old X-Hub-Signature of GitHub Enterprise")
    ] = False
    gitlab_webhook_token: Annotated[
        str, SECRET, Meta(description="verifies X-Gitlab-Token; unset: /gitlab-event is 401")
    ] = ""
    gitlab_signing_token: Annotated[
        str, SECRET, Meta(description="whsec_…: verifies the signature of newer GitLabs instead")
    ] = ""
    platform: Annotated[
        Literal["local", "openfaas"],
        Meta(description="local: functions run here; openfaas: behind a gateway"),
    ] = "local"
    gateway_url: Annotated[
        str,
        Meta(description="OpenFaaS gateway: faasd or Kubernetes", pattern=r"^https?://[^/]+/?$"),
    ] = "http://127.0.0.1:8080"
    gateway_user: Annotated[str, Meta(description="basic auth of the gateway")] = "admin"
    gateway_password: Annotated[
        str, SECRET, Meta(description="basic auth of the gateway; empty: none")
    ] = ""
    gateway_namespace: Annotated[
        str, Meta(description="namespace of functions; empty: the gateway's own")
    ] = ""
    gateway_namespaces: Annotated[
        str, Meta(description="namespaces that a stack may choose, comma separated")
    ] = ""
    gateway_seconds: Annotated[
        int, Meta(description="within which a revision has to be ready", ge=1)
    ] = 120
    memory_most: Annotated[
        str, Meta(description="most memory that a stack may ask for a function")
    ] = "1Gi"
    cpu_most: Annotated[str, Meta(description="most CPU that a stack may ask for a function")] = "1"
    replicas_most: Annotated[
        int, Meta(description="most replicas that a stack may ask for", ge=1)
    ] = 4
    blobs: Annotated[
        Literal["directory", "s3"],
        Meta(description="directory: archives and logs under the home; s3: in a bucket"),
    ] = "directory"
    s3_url: Annotated[
        str,
        Meta(description="endpoint of the S3 store; empty: Amazon's", pattern=r"^(https?://.+)?$"),
    ] = ""
    s3_bucket: Annotated[str, Meta(description="bucket, which has to exist")] = "pipeline"
    s3_region: Annotated[str, Meta(description="region of the bucket")] = "us-east-1"
    s3_addressing: Annotated[
        Literal["auto", "path", "virtual"], Meta(description="how the bucket stands in the URL")
    ] = "auto"
    s3_access_key: Annotated[str, SECRET, Meta(description="key of the S3 store")] = ""
    s3_secret_key: Annotated[str, SECRET, Meta(description="secret of the S3 store")] = ""
    payload_secret: Annotated[
        str, SECRET, Meta(description="signs POST /build and /pipeline-log; unset: they are 401")
    ] = ""
    nats_url: Annotated[
        str,
        Meta(
            description="servers of a log apart, comma separated: for all commands but `up`",
            pattern=r"^((nats|tls)://[^@,\s]+(,(nats|tls)://[^@,\s]+)*)?$",
        ),
    ] = ""
    nats_user: Annotated[
        str, Meta(description="user of the log; empty: the role that the command has there")
    ] = ""
    nats_password: Annotated[str, SECRET, Meta(description="password of that user")] = ""
    nats_replay_password: Annotated[
        str,
        SECRET,
        Meta(description="password of the log's user replay, which `pushline replay` reads as"),
    ] = ""
    nats_tls: Annotated[
        str,
        Meta(
            description="folder with ca.pem of the log's servers, and cert.pem and key.pem where "
            "they ask who we are; tls:// alone: as this machine trusts"
        ),
    ] = ""
    nats_tls_first: Annotated[bool, Meta(description="true: the servers have handshake_first")] = (
        False
    )
    log_replicas: Annotated[
        Literal[1, 3], Meta(description="servers of a cluster that keep each stream")
    ] = 1
    log_room: Annotated[
        int, Meta(description="GiB that all streams together may take on such a log", ge=1)
    ] = 8
    edge_listen: Annotated[
        str,
        Meta(
            description="HOST:PORT or unix:/PATH where `pushline edge` listens",
            pattern=r"^(unix:/.+|(\[[0-9A-Fa-f:.]+\]|[^:\s/]+):\d{1,5})$",
        ),
    ] = "127.0.0.1:8081"
    edge_address: Annotated[
        str,
        Meta(
            description="HOST:PORT or unix:/PATH where router and source reach it",
            pattern=r"^(unix:/.+|(\[[0-9A-Fa-f:.]+\]|[^:\s/]+):\d{1,5})$",
        ),
    ] = "127.0.0.1:8081"
    router_address: Annotated[
        str,
        Meta(
            description="HOST:PORT of a router, for the consumer timer apart; empty: the public "
            "address of each function",
            pattern=r"^((\[[0-9A-Fa-f:.]+\]|[^:\s/]+):\d{1,5})?$",
        ),
    ] = ""
    run_timeout_hours: Annotated[
        int,
        Meta(
            description="after which a run that has not ended has failed; an outage is waited for "
            "up to 24",
            ge=1,
            le=24 * 30,
        ),
    ] = 25
    previews: Annotated[
        int, Meta(description="previews that one project may have open", ge=0, le=1000)
    ] = 20
    preview_days: Annotated[
        int, Meta(description="that a preview lives unused, unless its stack says", ge=1, le=90)
    ] = 7
    public_url: Annotated[
        str,
        Meta(
            description="what people write before a path, as https://ROOT_DOMAIN; empty: http "
            "and the port of LISTEN",
            pattern=r"^(https?://[^/@\s]+/?)?$",
        ),
    ] = ""
    token: Annotated[
        str, SECRET, Meta(description="token of git and the API; `up` makes one of its own")
    ] = ""
    blobs_folder: Annotated[
        str, Meta(description="folder of blobs that all processes share, if they have no s3")
    ] = ""
    keys_folder: Annotated[
        str,
        Meta(
            description="folder of the keys that open secrets and sign people in, 0700; default: "
            "secrets in the home"
        ),
    ] = ""
    metrics_listen: Annotated[
        str,
        Meta(
            description="HOST:PORT of /healthz and /metrics of `consumer`, `edge` and `router`; "
            "empty: none",
            pattern=r"^((\[[0-9A-Fa-f:.]+\]|[^:\s/]+):\d{1,5})?$",
        ),
    ] = ""
    audit_sinks: Annotated[str, Meta(description="TOML file of audit sinks; empty: none")] = ""
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Meta(description="least level of the log lines on standard error"),
    ] = "info"
    log_format: Annotated[
        Literal["auto", "console", "json"],
        Meta(description="auto: columns on a terminal, JSON elsewhere"),
    ] = "auto"


def replaced(settings: Settings, **texts: str) -> Settings:
    """Return settings with values from the command line, checked as those of variables are."""
    environ = {variable(name): text for name, text in texts.items()}
    given = load(Settings, environ)
    return msgspec.structs.replace(settings, **{name: getattr(given, name) for name in texts})


def address(listen: str, *, allow_remote: bool, name: str = "listen") -> tuple[str, int]:
    """Return host and port; refuses an address that other machines reach, unless allowed.

    ``name`` is the setting's.
    """
    host, _, port = listen.rpartition(":")
    host = host.strip("[]")
    if int(port) > 65535:
        raise SettingInvalid(
            f"{variable(name)}: there is no port {port}", hint="ports end at 65535"
        )
    if not allow_remote and host not in LOOPBACK and not host.startswith("127."):
        raise SettingInvalid(
            f"{variable(name)}: {host} can be reached from other machines, and nobody has to "
            "sign in here yet",
            hint=f"listen on 127.0.0.1, or set {variable('allow_remote')}=true "
            "behind a proxy of yours that asks who is there",
        )
    return host, int(port)


def public_of(settings: Settings) -> str:
    """Return the public URL, empty for none; refuses one of another host than the root domain."""
    scheme, _, rest = settings.public_url.rstrip("/").partition("://")
    if rest and rest.partition(":")[0] != settings.root_domain:
        raise SettingInvalid(
            f"{variable('public_url')}: {rest} is not at {settings.root_domain}",
            hint=f"write {scheme}://{settings.root_domain}, or set {variable('root_domain')}",
        )
    return f"{scheme}://{rest}" if rest else ""


def trusted_of(settings: Settings) -> tuple[str, ...]:
    """Return the proxies that are believed; SettingInvalid names what is no address."""
    named = tuple(one.strip() for one in settings.trusted_proxies.split(",") if one.strip())
    for one in named:
        try:
            ipaddress.ip_network(one, strict=False)
        except ValueError:
            raise SettingInvalid(
                f"{variable('trusted_proxies')}: {one} is neither an address nor a network",
                hint="write addresses and networks, as 127.0.0.1,10.0.0.0/8",
            ) from None
    return named


def keys_of(settings: Settings, home: Path) -> Path:
    """Return the absolute folder of the keys that open secrets."""
    return Path(settings.keys_folder or home / "secrets").expanduser().absolute()


def home_of(settings: Settings, environ: Mapping[str, str]) -> Path:
    """Return the absolute home: the setting, or the user's data folder."""
    if settings.home:
        return Path(settings.home).expanduser().resolve()
    if data := environ.get("XDG_DATA_HOME"):
        return Path(data).resolve() / "pushline"
    try:
        return Path("~").expanduser().resolve() / ".local" / "share" / "pushline"
    except RuntimeError as error:  # no HOME, and no such user
        raise SettingInvalid(
            f"{variable('home')}: user {getpass.getuser()} has no home folder",
            hint="say where to keep everything: --home DIR",
        ) from error


def for_tools(environ: Mapping[str, str]) -> dict[str, str]:
    """Return what of our environment the tools of a build get: PATH, mirrors, proxies."""
    return {
        name: value
        for name, value in environ.items()
        if name.startswith(TOOLS) or name.upper() in PROXIES
    }


def current() -> tuple[Settings, list[str], Mapping[str, str]]:
    """Return this process's settings, the warnings about them, and what they were read from."""
    environ = dict(os.environ)
    return load(Settings, environ), unknown(Settings, environ), environ


GROUPS: Final = {  # the heading before a field, in the README
    "home": "One machine",
    "github_webhook_secret": "Webhooks",
    "builds": "Building",
    "registry": "Registry",
    "platform": "Running functions",
    "quota_functions": "Quotas",
    "blobs": "Blobs",
    "nats_url": "One process per consumer",
    "log_level": "Log lines",
    "operators": "Signing in",
    "github_app_id": "Asking the forges",
}


def markdown() -> str:
    """Return the manual as the README's table."""
    return variables.markdown(Settings, GROUPS)

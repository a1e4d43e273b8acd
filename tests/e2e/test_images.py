"""A push becomes an image, and the image a container that answers through the router.

Real are git, Pushline, the engine, the registry with its password and the container; the gateway
between them is played.
"""

import asyncio
import json
import shutil
import time
from pathlib import Path
from typing import Any

import pytest

from tests.consumers.builder.kitchen import Bases, Kitchen
from tests.heavy.cluster.played import Cluster, seal, served
from tests.heavy.engines import Engine, started
from tests.heavy.gateway.containers import Containers
from tests.heavy.gateway.played import Gateway
from tests.heavy.programs import program
from tests.heavy.registries import PASSWORD, USER, OwnRegistry
from tests.laptop import HELLO, Laptop, commit, laptop, repository, saying

pytestmark = pytest.mark.timeout(240)
STACK = """\
provider: {{name: openfaas}}
functions:
  {}: {{lang: dockerfile, handler: ./hello}}
"""
SEALED = {
    "stack.yml": f"{HELLO}    secrets: [api]\n",
    "secrets.yml": f"""\
apiVersion: bitnami.com/v1alpha1
kind: SealedSecret
metadata: {{name: alice-api, namespace: openfaas-fn}}
spec:
  encryptedData: {{api-key: {seal("12345")}}}
""",
}


@pytest.fixture
def own(tmp_path: Path) -> OwnRegistry:
    """Return a registry of one test, not running yet."""
    folder = tmp_path / "registry"
    folder.mkdir()
    return OwnRegistry(folder)


async def environment(
    engine: Engine, registry: OwnRegistry, gateway: Gateway, work: Path, **more: str
) -> dict[str, str]:
    """Return what tells ``up`` of engine, registry and gateway; base images are pushed first."""
    gateway.runner = Containers(engine.socket, USER, PASSWORD)
    bases = (await Bases(engine.socket, registry.host, work).of("python3-http")).bases
    told = [
        f"{language}.{name}={image}"
        for language, images in bases.items()
        for name, image in images.items()
    ]
    return {
        "PUSHLINE_BUILDER": "buildkit",
        "PUSHLINE_BUILDKIT_URL": engine.url,
        "PUSHLINE_BASE_IMAGES": ",".join(told),
        "PUSHLINE_REGISTRY": registry.host,
        "PUSHLINE_REGISTRY_USER": USER,
        "PUSHLINE_REGISTRY_PASSWORD": PASSWORD,
        "PUSHLINE_PLATFORM": "openfaas",
        "PUSHLINE_GATEWAY_URL": gateway.url,
        "PUSHLINE_GATEWAY_USER": gateway.user,
        "PUSHLINE_GATEWAY_PASSWORD": gateway.password,
        **more,
    }


def built(here: Laptop) -> list[dict[str, Any]]:
    """Return every run.built."""
    return [event["fact"] for event in here.events("--type", "run.built")]


async def test_a_push_answers_from_a_container(
    engine: Engine, own: OwnRegistry, gateway: Gateway, tmp_path: Path
) -> None:
    """Built, pushed, deployed by digest, routed; the next push replaces it, the same is cached.

    A SealedSecret that comes along is bound in the cluster before the function that asks for it.
    """
    work = repository(tmp_path / "work", {"hello/handler.py": saying("one")})
    cluster = Cluster()
    cluster.mounted = lambda name, values: gateway.kept.update(
        {("openfaas-fn", name): values["api-key"].encode()}
    )
    (tmp_path / "token").write_text(cluster.token)
    serving = await served(cluster)
    at = {"PUSHLINE_KUBERNETES_URL": cluster.url, "PUSHLINE_KUBERNETES_FOLDER": str(tmp_path)}
    with own, laptop(tmp_path, await environment(engine, own, gateway, tmp_path, **at)) as here:
        said = await asyncio.to_thread(here.push, work)
        await here.answers("hello", "one")

        (first,) = built(here)
        reference = f"{own.host}/alice/hello-hello@{first['image']}"
        assert first["reference"] == reference
        assert [each.deployment["image"] for each in gateway.held.values()] == [reference]

        commit(work, {"README": "nothing that a function is made of"})
        began = time.monotonic()
        await asyncio.to_thread(here.push, work)
        took = time.monotonic() - began
        again = built(here)[-1]
        assert (again["image"], again["cached"]) == (first["image"], True)

        commit(work, {"hello/handler.py": saying("two"), **SEALED})
        await asyncio.to_thread(here.push, work)
        await here.answers("hello", "two")
        assert (cluster.secrets, cluster.faults) == ({"alice-api": {"api-key": "12345"}}, [])
        assert [each.deployment["secrets"] for each in gateway.held.values()] == [["alice-api"]]
        told = json.dumps(here.events()) + here.log() + said
    await serving.cleanup()
    assert PASSWORD not in told
    assert took < 10


async def test_a_step_that_fails_is_seen_by_the_pusher(
    engine: Engine, own: OwnRegistry, gateway: Gateway, tmp_path: Path
) -> None:
    """``RUN exit 7``: its step, its code and its last lines stand at their terminal."""
    step = 'RUN ["/bin/busybox", "sh", "-c", "echo this is why; exit 7"]'
    work = dockerfile(tmp_path / "work", step)
    with own, laptop(tmp_path, await environment(engine, own, gateway, tmp_path)) as here:
        with here.pushing(work) as pushing:
            said = pushing.communicate(timeout=60)[0]

        (failed,) = here.events("--type", "run.build-failed")
    assert "exit 7" in said
    assert "ended with 7" in said
    assert "this is why" in said
    assert failed["fact"]["tail"]


async def test_an_engine_killed_in_the_middle_of_a_push(
    engine: Engine, own: OwnRegistry, gateway: Gateway, tmp_path: Path
) -> None:
    """The build is given back; with an engine there again the run ends well, once."""
    mark = f"3.{tmp_path.stat().st_ino}"
    step = f'RUN ["/bin/busybox", "sleep", "{mark}"]'
    work = dockerfile(tmp_path / "work", step)
    socket = tmp_path / "engine.sock"
    with own, started(snapshotter=True) as doomed:
        socket.symlink_to(doomed.socket)
        told = await environment(engine, own, gateway, tmp_path)
        told["PUSHLINE_BUILDKIT_URL"] = f"docker://{socket}"
        with laptop(tmp_path, told) as here, here.pushing(work) as pushing:
            here.wait(lambda: bool(Kitchen.processes(mark)), "the step runs")
            doomed.process.kill()
            here.wait(lambda: "handler_waits" in here.log(), "the build waits")
            assert pushing.poll() is None
            socket.unlink()
            socket.symlink_to(engine.socket)
            said = pushing.communicate(timeout=90)[0]
            assert pushing.returncode == 0, said + here.log()
            await here.answers("hello", "served")
            assert len(built(here)) == 1


async def test_a_registry_that_is_down_for_a_while(
    engine: Engine, gateway: Gateway, own: OwnRegistry, tmp_path: Path
) -> None:
    """The pusher sees that it waits, it ends well, and what is live needs no registry."""
    work = repository(tmp_path / "work", {"hello/handler.py": saying("one")})
    with own, laptop(tmp_path, await environment(engine, own, gateway, tmp_path)) as here:
        here.push(work)
        await here.answers("hello", "one")
        own.stop()
        commit(work, {"hello/handler.py": saying("two")})
        with here.pushing(work) as pushing:
            here.wait(lambda: here.log().count("handler_waits") > 2, "the build waits")
            await here.answers("hello", "one")
            assert pushing.poll() is None
            own.start()
            said = pushing.communicate(timeout=90)[0]
            assert pushing.returncode == 0, said + here.log()
        await here.answers("hello", "two")
    assert f"builder waits: the registry {own.host}" in said


def dockerfile(work: Path, step: str) -> Path:
    """Return a repository whose Dockerfile runs a step, then serves the text ``served``."""
    files = Kitchen.runs(step)
    repository(work, {"hello/www/index.html": "served"}, STACK.format("hello"))
    serving = 'CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]\n'
    text = f"{files['Dockerfile']!s}COPY www /www\n{serving}"
    binary = work / "hello" / "busybox"
    shutil.copy(program("busybox", "busybox-static"), binary)
    commit(work, {"hello/Dockerfile": text})
    return work

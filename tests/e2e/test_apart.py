"""A push through one process per consumer, each with its own home, to a container that answers.

Real are git, the log's server, the S3 store, the engine, the registry and the container; the
gateway is played.
"""

import json
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from edge.cli.workers import CONSUMERS
from tests.apart import TOKEN, Apart, apart
from tests.consumers.builder.kitchen import Kitchen
from tests.heavy.engines import Engine
from tests.heavy.gateway.containers import Containers
from tests.heavy.gateway.played import Gateway, serving
from tests.heavy.programs import program
from tests.heavy.registries import PASSWORD, USER, OwnRegistry
from tests.heavy.store import Store
from tests.laptop import PATIENCE, commit, repository

pytestmark = pytest.mark.timeout(300)

STACK: Final = """\
provider: {name: openfaas}
functions:
  hello: {lang: dockerfile, handler: ./hello}
"""
ONCE: Final = ("run.queued", "run.built", "function.deployed", "run.finished")


@pytest.fixture(scope="module")
def there(
    engine: Engine, s3: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Apart, OwnRegistry]]:
    """Yield an installation of which every process runs; at the end each leaves when told to."""
    folder, store = tmp_path_factory.mktemp("apart"), s3.settings()
    (folder / "registry").mkdir()
    with serving(Gateway()) as gateway, OwnRegistry(folder / "registry") as registry:
        gateway.runner = Containers(engine.socket, USER, PASSWORD)
        told = {
            "PUSHLINE_BUILDKIT_URL": engine.url,
            "PUSHLINE_REGISTRY": registry.host,
            "PUSHLINE_REGISTRY_USER": USER,
            "PUSHLINE_REGISTRY_PASSWORD": PASSWORD,
            "PUSHLINE_GATEWAY_URL": gateway.url,
            "PUSHLINE_GATEWAY_USER": gateway.user,
            "PUSHLINE_GATEWAY_PASSWORD": gateway.password,
            "PUSHLINE_BLOBS": "s3",
            "PUSHLINE_S3_URL": store.url,
            "PUSHLINE_S3_BUCKET": store.bucket,
            "PUSHLINE_S3_ADDRESSING": "path",
            "PUSHLINE_S3_ACCESS_KEY": store.access_key,
            "PUSHLINE_S3_SECRET_KEY": store.secret_key,
        }
        with apart(folder, told) as found:
            done = found.run("init", "init")
            assert done.returncode == 0, done.stderr
            found.start("edge", "edge")
            found.start("router", "router", role="router")
            for name in CONSUMERS:
                found.consume(name)
            found.wait(lambda: asked(found, "localhost", "/healthz") == "ok\n", "the edge answers")
            yield found, registry
            codes = {name: found.stop(name) for name in list(found.started)}
            assert codes == dict.fromkeys(("edge", "router", *CONSUMERS), 0)
        assert gateway.faults == []


def asked(there: Apart, host: str, path: str) -> str:
    """Return what the router answers for a host, nothing while there is no good answer."""
    url = f"http://127.0.0.1:{there.port}{path}"
    request = urllib.request.Request(url, headers={"Host": host})
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310 - ours
            body: bytes = answer.read()
            return body.decode()
    except OSError:
        return ""


def function(work: Path, steps: str, says: str) -> Path:
    """Make a repository whose function is an image of busybox that says this."""
    busybox = program("busybox", "busybox-static")
    dockerfile = f"""\
FROM scratch
COPY busybox /bin/busybox
COPY index.html /www/index.html
{steps}
CMD ["/bin/busybox", "httpd", "-f", "-p", "8080", "-h", "/www"]
"""
    files = {"hello/Dockerfile": dockerfile, "hello/index.html": says}
    made = repository(work, files, STACK)
    (made / "hello" / "busybox").write_bytes(busybox.read_bytes())
    (made / "hello" / "busybox").chmod(0o755)
    commit(made, {})
    return made


def test_a_push_becomes_a_container_that_answers(
    there: tuple[Apart, OwnRegistry], tmp_path: Path
) -> None:
    """The builder dies in the middle and comes back; the pusher sees it live, each fact is once."""
    found, registry = there
    mark = f"4.{tmp_path.stat().st_ino}"
    step = f'RUN ["/bin/busybox", "sleep", "{mark}"]'
    work = function(tmp_path / "work", step, "one")

    with found.pushing(work) as git:
        found.wait(lambda: Kitchen.processes(mark), "the step runs")
        found.kill("builder")
        found.consume("builder")
        said = git.communicate(timeout=2 * PATIENCE)[0]

    assert git.returncode == 0, said
    assert f"http://alice.localhost:{found.port}/hello" in said
    assert asked(found, "alice.localhost", "/hello") == "one"
    facts = found.facts()
    counted = Counter(event["type"].partition("/")[0] for event in facts)
    assert {name: counted[name] for name in ONCE} == dict.fromkeys(ONCE, 1)
    [built] = [event["fact"] for event in facts if event["type"].startswith("run.built")]
    assert built["reference"] == f"{registry.host}/alice/hello-hello@{built['image']}"
    told = json.dumps(facts) + said + "".join(found.said(name) for name in found.started)
    assert not [secret for secret in (TOKEN, PASSWORD) if secret in told]


# What this installation has not, or keeps with other processes.
NOT_HERE: Final = frozenset(
    (
        *("blobs.folder", "keys", "audit.record", "audit.sinks", "customers"),
        *("sign-in github", "sign-in gitlab", "sign-in oidc"),
        *("github", "gitlab", "gitlab webhooks", "statuses", "recovery"),
        *("cluster", "cluster.rights", "cluster.certificate"),
    )
)


def test_the_doctor_finds_all_of_it_well(there: tuple[Apart, OwnRegistry]) -> None:
    """Every part that is configured here is tried."""
    done = there[0].run("platform", "doctor", "--json")

    rows = {row["check"]: row for row in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0, done.stdout
    assert {name for name, row in rows.items() if row["state"] == "off"} <= NOT_HERE
    for name in ("log.connect", "edge", "blobs.bucket", "build.image", "registry", "gateway"):
        assert rows[name]["state"] in {"ok", "warn"}, rows[name]

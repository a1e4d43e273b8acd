"""`pushline up` as its user has it: a process that starts, says no, ends, dies and comes back."""

import hmac
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from edge.cli import processes
from edge.cli.processes import PidFile
from tests.laptop import PATIENCE, ROOT, Laptop, laptop

UP = (sys.executable, "-m", "edge.cli.main", "up")


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Yield a Pushline that serves; at the end it was stopped and nothing is left."""
    with laptop(tmp_path_factory.mktemp("here")) as found:
        yield found


def says(here: Laptop, text: str) -> None:
    """Wait until `up` has printed a text, which it does once it serves."""
    here.wait(lambda: text in here.log(), text)


def up(home: Path, *arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run an `up` that is to end by itself."""
    return subprocess.run(
        [*UP, "--home", str(home), *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def get(
    here: Laptop, path: str, method: str = "GET", body: bytes | None = None, **headers: str
) -> tuple[int, bytes]:
    """Ask the running Pushline."""
    connection = http.client.HTTPConnection("127.0.0.1", here.port, timeout=PATIENCE)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read()
    except OSError as error:
        return 0, str(error).encode()
    finally:
        connection.close()


def children(here: Laptop) -> dict[str, int]:
    """Return the pid of each process by its name."""
    files = (here.home / "pids").glob("*.json")
    return {file.stem: json.loads(file.read_bytes())["pid"] for file in files}


def test_up_serves_and_says_where(here: Laptop) -> None:
    """The page, its health, and what is printed lead on; secrets are for their owner only."""
    status, page = get(here, "/")
    token = here.endpoint()["token"]
    says(here, "Ctrl-C ends it.")
    said = here.log()

    assert (status, get(here, "/healthz")) == (200, (200, b"ok\n"))
    assert b"color-scheme: light dark" in page
    assert token.encode() not in page
    assert f"Pushline 0.1.0 is up at http://localhost:{here.port} (" in said
    assert f"http://pushline:{token}@localhost:{here.port}/git/<you>/<repository>.git" in said
    for name in ("endpoint.json", "token", "nats/credentials.json"):
        assert (here.home / name).stat().st_mode & 0o077 == 0, name


def test_the_api_and_metrics_want_the_token(here: Laptop) -> None:
    """Without it 401 and how to get it; with it, as Bearer or as Basic password, an answer."""
    token = here.endpoint()["token"]

    assert get(here, "/api/runs")[0] == 401
    assert get(here, "/metrics")[0] == 401
    assert b"pushline up" in get(here, "/api/runs")[1]
    assert get(here, "/api/runs", Authorization="Bearer wrong")[0] == 401
    assert get(here, "/api/runs", Authorization=f"Bearer {token}")[0] == 200
    assert get(here, "/api/runs", Authorization=here.basic())[0] == 200
    assert b"pushline_fold_sequence" in get(here, "/metrics", Authorization=f"Bearer {token}")[1]


def test_a_page_of_another_site_is_no_way_in(here: Laptop) -> None:
    """A name that somebody else bound to 127.0.0.1 is none of our hosts."""
    token = here.endpoint()["token"]

    status, _ = get(here, "/api/runs", Host="evil.example", Authorization=f"Bearer {token}")

    assert status in {404, 421}


def test_a_second_up_says_who_holds_the_home(here: Laptop) -> None:
    """It names the process and where that one answers, and exits with 1."""
    done = up(here.home)

    assert done.returncode == 1
    assert here.process
    assert f"process {here.process.pid}" in done.stderr
    assert f"answers at http://localhost:{here.port}" in done.stderr
    assert "--home" in done.stderr


def test_a_taken_port_leads_to_the_next(tmp_path: Path) -> None:
    """`up` says which port it took in its place."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        found = Laptop(tmp_path / "home")
        try:
            found.start(taken)

            assert found.port > taken
            says(found, f"port {taken} is taken: listening on {found.port}")
        finally:
            assert found.stop() == 0


def test_a_listen_that_others_reach_is_refused(tmp_path: Path) -> None:
    """Nothing is started, and the cure is said."""
    done = up(tmp_path / "home", "--listen", "0.0.0.0:0")

    assert done.returncode == 1
    assert "PUSHLINE_ALLOW_REMOTE=true" in done.stderr
    assert not (tmp_path / "home" / "nats").exists()


def test_a_bad_setting_is_named(tmp_path: Path) -> None:
    """The variable, its value and what it means; a slip of the keys is warned about."""
    done = up(tmp_path / "home", PUSHLINE_BUILDS="many", PUSHLINE_BUILD="3")

    assert done.returncode == 1
    assert "PUSHLINE_BUILDS: 'many' cannot be used" in done.stderr


@pytest.mark.parametrize(
    "environment", [{"PUSHLINE_BUILDER": "buildkit"}, {"PUSHLINE_PLATFORM": "openfaas"}]
)
def test_a_builder_and_a_platform_that_do_not_fit(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    """Images cannot run here, nor bundles behind a gateway: said before anything starts."""
    said = up(tmp_path / "home", **environment)

    assert said.returncode != 0
    assert "PUSHLINE_BUILDER=" in said.stderr
    assert "buildkit makes images for openfaas" in said.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_signal_ends_all_in_order(here: Laptop, number: signal.Signals) -> None:
    """Exit code 0, no process, no endpoint and no pid file left; then it starts again."""
    assert here.process

    here.process.send_signal(number)

    try:
        assert here.process.wait(PATIENCE) == 0, here.log()
        assert not here.survivors()
        assert not (here.home / "endpoint.json").exists()
        assert not list((here.home / "pids").iterdir())
    finally:
        assert here.stop() == 0
        here.start()


def test_a_signal_while_it_starts_ends_it_too(tmp_path: Path) -> None:
    """Ctrl-C before it serves leaves nothing behind either."""
    found = Laptop(tmp_path / "home")
    with (tmp_path / "up.log").open("ab") as log:
        process = subprocess.Popen(
            [*UP, "--home", str(found.home), "--listen", "127.0.0.1:0"],
            cwd=ROOT,
            stdout=log,
            stderr=log,
        )
    try:
        found.wait(lambda: len(list(found.home.glob("pids/*.json"))) > 1, "children start")

        process.send_signal(signal.SIGTERM)

        assert process.wait(PATIENCE) == 0, found.log()
        assert not found.survivors()
    finally:
        process.kill()
        process.wait()


def test_all_die_with_a_killed_parent_and_the_next_up_goes_on(here: Laptop) -> None:
    """A SIGKILL of `up` takes its processes along; the next one has the same token and log."""
    token = here.endpoint()["token"]

    here.kill()
    left = here.survivors()
    here.start()

    assert not left
    assert here.endpoint()["token"] == token
    assert get(here, "/healthz")[0] == 200


def test_the_next_up_ends_orphans(tmp_path: Path) -> None:
    """A process of a pid file is ended, unless its pid now belongs to somebody else."""
    found = Laptop(tmp_path / "home")
    (found.home / "pids").mkdir(parents=True)
    orphan = subprocess.Popen(["sleep", "600"])
    stranger = subprocess.Popen(["sleep", "600"])
    try:
        processes.record(found.home / "pids", orphan.pid, "router")
        entry = f'{{"pid":{stranger.pid},"started":"1","name":"platform"}}'
        (found.home / "pids" / "platform.json").write_text(entry)

        found.start()

        assert orphan.wait(PATIENCE) == -signal.SIGTERM
        assert stranger.poll() is None
        says(found, "ended a process that an earlier `up` had left behind")
    finally:
        for process in (orphan, stranger):
            process.kill()
            process.wait()
        assert found.stop() == 0


def test_an_orphan_that_does_not_listen_is_killed(tmp_path: Path) -> None:
    """SIGTERM first; after its time, SIGKILL."""
    deaf = (
        "import signal, time; signal.signal(15, signal.SIG_IGN); print(flush=True); time.sleep(99)"
    )
    orphan = subprocess.Popen([sys.executable, "-c", deaf], stdout=subprocess.PIPE)
    assert orphan.stdout
    orphan.stdout.readline()
    processes.record(tmp_path, orphan.pid, "deaf")

    ended = processes.end_orphans(tmp_path, grace=0.2)

    assert ended == [PidFile(orphan.pid, ended[0].started, "deaf")]
    assert orphan.wait(PATIENCE) == -signal.SIGKILL
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["router", "platform", "supervisor", "nats-server"])
def test_a_crashed_child_comes_back(here: Laptop, name: str) -> None:
    """Whichever is killed, `up` starts it again and all is served as before."""
    before = children(here)[name]

    os.kill(before, signal.SIGKILL)

    here.wait(lambda: children(here)[name] != before, f"{name} is started again")
    here.wait(lambda: get(here, "/healthz") == (200, b"ok\n"), "it serves")
    token = here.endpoint()["token"]

    def reads() -> bool:
        return get(here, "/api/runs", Authorization=f"Bearer {token}")[0] == 200

    here.wait(reads, "the API answers")


def test_a_lost_log_is_refused_not_replaced(tmp_path: Path) -> None:
    """Where a log is known to have been, an empty store is a lost disk: nothing is made anew."""
    found = Laptop(tmp_path / "home")
    found.start()
    assert found.stop() == 0
    shutil.rmtree(found.home / "nats" / "store")

    done = up(found.home, "--listen", "127.0.0.1:0")

    assert done.returncode == 1
    assert re.search(r"^error: (platform|supervisor): .*\blog\b", done.stderr, re.MULTILINE)
    assert not found.survivors()


def test_webhooks_are_taken_with_their_signature(tmp_path: Path) -> None:
    """The secrets of the settings reach ingest: signed 202, unsigned 401, in the log as a fact."""
    secrets = {"PUSHLINE_GITHUB_WEBHOOK_SECRET": "s1", "PUSHLINE_GITLAB_WEBHOOK_TOKEN": "s2"}
    body = b'{"zen":"Design for failure.","hook_id":1}'
    signature = "sha256=" + hmac.new(b"s1", body, "sha256").hexdigest()
    github = {"X-GitHub-Event": "ping", "X-GitHub-Delivery": "d1"}
    gitlab = {"X-Gitlab-Event": "Note Hook", "Idempotency-Key": "d2"}
    with laptop(tmp_path, secrets) as found:

        def post(path: str, **headers: str) -> int:
            kind = {"Content-Type": "application/json"}
            return get(found, path, "POST", body, **kind, **headers)[0]

        assert post("/github-event", **github) == 401
        assert post("/github-event", **github, **{"X-Hub-Signature-256": signature}) == 202
        assert post("/gitlab-event", **gitlab) == 401
        assert post("/gitlab-event", **gitlab, **{"X-Gitlab-Token": "s2"}) == 202

        def told() -> bool:
            return len({e["id"] for e in found.events() if e["kind"] == "delivery"}) == 2

        found.wait(told, "both deliveries are in the log")


def test_start_and_memory(here: Laptop) -> None:
    """A warm start and the whole platform's memory stay in their measure.

    The goals are 1.5 s and 250 MB; time is given four times that, for other tests run beside.
    """
    assert here.stop() == 0
    begun = time.monotonic()
    here.start()
    took = time.monotonic() - begun
    assert here.process
    pids = [here.process.pid, *children(here).values()]
    held = sum(psutil.Process(pid).memory_full_info().pss for pid in pids)

    assert took < 6
    assert held < 250 * 1024 * 1024
    assert re.search(r"is up at \S+ \(\d", here.log())

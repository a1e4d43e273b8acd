"""A command line elsewhere: signed in by a browser, at work, signed out; and who did what."""

import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.laptop import (
    PATIENCE,
    PUSHLINE,
    ROOT,
    Laptop,
    commit,
    git_environment,
    laptop,
    repository,
    saying,
)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Yield a Pushline of this module's own."""
    with laptop(tmp_path_factory.mktemp("signed-in")) as running:
        yield running


@pytest.fixture(scope="module")
def work(here: Laptop, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a repository that was pushed once."""
    files = {"hello/handler.py": saying("hello")}
    work = repository(tmp_path_factory.mktemp("work") / "hello", files)
    here.push(work)
    return work


def system(here: Laptop, path: str = "") -> str:
    """Return a URL of the platform's own host."""
    return f"http://system.localhost:{here.port}{path}"


def started(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start a command of somebody who has no home here, only a folder of configuration."""
    return subprocess.Popen(
        [*PUSHLINE, *arguments],
        cwd=ROOT,
        env={**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder / "none")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(folder: Path, *arguments: str, told: str = "", code: int = 0) -> str:
    """Run such a command to its end; return all that it said."""
    with started(folder, *arguments) as process:
        out, err = process.communicate(told, timeout=PATIENCE)
    assert process.returncode == code, out + err
    return out + err


def browser(here: Laptop) -> httpx.Client:
    """Return a browser that an operator signed in by the one-time link."""
    link = urlsplit(here.pushline("link").strip())
    client = httpx.Client(
        base_url=f"http://127.0.0.1:{here.port}",
        headers={"Host": f"system.localhost:{here.port}", "Origin": system(here)},
    )
    token = re.search("name=.link. value=.([^\"']+)", client.get(f"{link.path}?{link.query}").text)
    assert token
    answer = client.post("/login/once", data={"link": token[1]})
    cookie = answer.headers["set-cookie"].partition(";")[0]
    client.headers["Cookie"] = cookie
    return client


@pytest.mark.usefixtures("work")
def test_a_browser_lets_a_command_line_in(here: Laptop, tmp_path: Path) -> None:
    """Signed in, it reads and asks as at home; signed out, its token is nobody's."""
    with started(tmp_path, "login", system(here)) as login:
        assert login.stderr
        code = re.search(r"user_code=([A-Z]{4}-[A-Z]{4})", login.stderr.readline())
        assert code
        with closing(browser(here)) as client:
            page = client.get(f"/device?user_code={code[1]}").text
            assert "pushline on" in page
            done = client.post("/device", data={"user_code": code[1], "answer": "yes"})
        assert done.status_code == 200, done.text
        out, err = login.communicate(timeout=PATIENCE)
    assert login.returncode == 0, err
    assert "signed in" in out

    file = tmp_path / "pushline" / "contexts.json"
    assert file.stat().st_mode & 0o777 == 0o600
    run = ran(tmp_path, "run", "ls").splitlines()[1].split("\t")[0]
    again = ran(tmp_path, "run", "rerun", run).split()[1]
    here.wait(lambda: "live" in ran(tmp_path, "run", "show", again), "it is done again")
    assert "local:operator" in ran(tmp_path, "token", "ls")
    (token,) = re.findall(r"plt_[0-9a-f_]+", file.read_text())
    head = {"Authorization": f"Bearer {token}"}
    asked = f"http://127.0.0.1:{here.port}/api/me"
    assert httpx.get(asked, headers=head).status_code == 200

    ran(tmp_path, "logout")

    assert httpx.get(asked, headers=head).status_code == 401
    assert "no contexts" in ran(tmp_path, "context", "ls")
    assert "no `pushline up` runs" in ran(tmp_path, "run", "ls", code=1)


def test_a_machine_pushes_with_a_token(here: Laptop, work: Path, tmp_path: Path) -> None:
    """It may what the token is for, in the tenant that it is for, until it is revoked."""
    made = here.pushline(
        "token", "create", "ci", "--scope", "push", "--scope", "read", "--tenant", "local/alice"
    )
    token = made.strip()
    url = f"http://ci:{token}@127.0.0.1:{here.port}/git"

    def push(project: str, code: int) -> str:
        command = ["git", "-C", str(work), "push", "--force", f"{url}/{project}.git", "HEAD:main"]
        done = subprocess.run(
            command, env=git_environment(), check=False, capture_output=True, text=True
        )
        assert done.returncode == code, done.stderr
        return done.stderr

    commit(work, {"hello/handler.py": saying("again")})
    assert "live at" in push("alice/hello", 0)
    assert "takes the role member" in push("bob/hello", 128)
    ran(tmp_path, "login", system(here), "--token-stdin", told=token)
    run = ran(tmp_path, "run", "ls").splitlines()[1].split("\t")[0]
    assert "this token has not the scope run" in ran(tmp_path, "run", "rerun", run, code=1)
    id = ran(tmp_path, "token", "ls").splitlines()[1].split("\t")[0]

    here.pushline("token", "revoke", id)

    assert "the token is missing or wrong" in push("alice/hello", 128)
    assert "sign in again" in ran(tmp_path, "run", "ls", code=1)


@pytest.mark.usefixtures("work")
def test_every_event_has_its_actor(here: Laptop) -> None:
    """A login, the consumer that decided, or a part of the edge: never nobody."""
    here.pushline("members", "set", "local/alice", "github:mia", "member")

    events = here.events()

    assert len(events) > 10
    assert [(event["type"], event["id"]) for event in events if not event.get("actor")] == []
    by = {event["type"]: event["actor"] for event in events}
    assert by["run.built/1"] == "builder"
    assert by["branch.pushed/1"] in ("pushline", "local:operator")
    assert by["tenant.member-set/1"] not in ("", "edge")

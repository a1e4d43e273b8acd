"""A whole Pushline's history, replayed beside it while it runs."""

import json
import subprocess
from pathlib import Path

from tests.laptop import PUSHLINE, ROOT, commit, git, laptop, repository, saying


def test_the_history_of_real_pushes_has_no_difference(tmp_path: Path) -> None:
    """Pushes that went live, one that was refused, one of an unchanged function: all equal.

    The replay reads as a user who can publish nothing, stands in the log itself, and does nothing:
    what was live answers as before.
    """
    with laptop(tmp_path) as here:
        work = repository(tmp_path / "work", {"hello/handler.py": saying("first")})
        here.push(work)
        commit(work, {"README.md": "the same function"})
        here.push(work)
        commit(
            work, {"stack.yml": "provider: {name: openfaas}\nfunctions: {hello: {lang: cobol}}\n"}
        )
        with here.pushing(work) as refused:
            said = refused.communicate(timeout=60)[0]
        git(work, "revert", "--no-edit", "HEAD")
        here.push(work)

        *lines, summary = map(json.loads, here.pushline("replay", "--json").splitlines())
        run = json.loads(here.pushline("run", "ls", "--json").splitlines()[0])["id"]
        one = json.loads(here.pushline("replay", run, "--json").splitlines()[-1])
        facts = [event["type"] for event in here.events("--type", "replay.*")]

    assert refused.returncode != 0, said
    assert lines == []
    assert summary["outcome"] == "equal"
    assert summary["decisions"] == summary["equal"] > 20
    assert one["decisions"] == one["equal"] > 3
    assert facts == ["replay.started/1", "replay.finished/1"] * 2


def test_without_an_up_the_replay_says_so(tmp_path: Path) -> None:
    """No home, no log: an error with its cure, and the code of what could not be found out."""
    done = subprocess.run(
        [*PUSHLINE, "replay", "--home", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "no `pushline up` runs" in done.stderr

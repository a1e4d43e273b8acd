"""deploy/pushline, in a small checkout of its own: the real scripts, no library to install."""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.architecture.source_tree import ROOT

MAIN = "import os, sys\nprint(os.path.dirname(__file__), sys.argv[1:])\n"
FIRST = "first start"
USED = (
    "cat", "cut", "date", "dirname", "grep", "id", "mkdir", "mktemp", "mv", "python3", "readlink",
    "rm", "sha256sum", "sh", "sleep", "tail",
)  # fmt: skip


@dataclass(frozen=True)
class Checkout:
    """A folder with the scripts and a main module that says where it is and what it was told."""

    root: Path

    def start(
        self, *arguments: str, cwd: Path | None = None, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        """Run deploy/pushline to its end."""
        return subprocess.run(
            [self.root / "deploy/pushline", *arguments],
            cwd=cwd or self.root,
            env=os.environ | {"PYTHON": sys.executable} | environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )

    def environments(self) -> list[Path]:
        """Return the finished environments."""
        return sorted(stamp.parent for stamp in self.root.glob(".venv/*/stamp"))


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    """Return a checkout whose requirements are empty, so that its first start is quick."""
    return fresh(tmp_path / "check out")


def fresh(root: Path) -> Checkout:
    """Make such a checkout; its path has a space, as people's have."""
    (root / "edge/cli").mkdir(parents=True)
    (root / "edge/cli/main.py").write_text(MAIN)
    (root / "deploy").mkdir()
    for name in ("pushline", "environment.sh"):
        shutil.copy(ROOT / "deploy" / name, root / "deploy")
    (root / "deploy/requirements.txt").write_text("# nothing\n")
    return Checkout(root)


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """Return a checkout that has been started once."""
    checkout = fresh(tmp_path_factory.mktemp("started") / "check out")
    first = checkout.start()
    assert first.returncode == 0, first.stderr
    assert FIRST in first.stderr
    return checkout


def test_arguments_arrive_unchanged(started: Checkout) -> None:
    """The command gets its arguments as they were written, and a warm start says nothing."""
    done = started.start("run", "two words", "*", "--json")

    assert done.stdout == f"{started.root}/edge/cli ['run', 'two words', '*', '--json']\n"
    assert done.stderr == ""


def test_started_by_a_link_from_elsewhere(started: Checkout, tmp_path: Path) -> None:
    """A link in somebody's bin folder starts the checkout that it leads to."""
    link = tmp_path / "pushline"
    link.symlink_to(started.root / "deploy/pushline")

    done = subprocess.run(
        [link], capture_output=True, text=True, check=False, cwd=tmp_path,
        env=os.environ | {"PYTHON": sys.executable},
    )  # fmt: skip

    assert done.stdout.startswith(f"{started.root}/edge/cli "), done.stderr


def test_folders_of_the_user_do_not_shadow_ours(started: Checkout, tmp_path: Path) -> None:
    """A package called edge in the current folder or in PYTHONPATH is not ours."""
    (tmp_path / "edge").mkdir()
    (tmp_path / "edge/__init__.py").write_text("raise SystemExit('the wrong edge')")

    done = started.start(cwd=tmp_path, PYTHONPATH=str(tmp_path))

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"{started.root}/edge/cli ")


def test_warm_start_is_quick(started: Checkout) -> None:
    """Over Python itself a warm start costs less than 50 ms, at its best of ten."""
    python = started.environments()[0] / "bin/python"

    def best(command: list[str]) -> float:
        times = []
        for _ in range(10):
            began = time.perf_counter()
            environment = os.environ | {"PYTHON": sys.executable}
            subprocess.run(command, check=True, capture_output=True, env=environment)
            times.append(time.perf_counter() - began)
        return min(times)

    bare = best([str(python), "-P", "-m", "edge.cli.main"])
    ours = best([str(started.root / "deploy/pushline")])

    assert ours - bare < 0.05


def test_two_first_starts_at_once(checkout: Checkout) -> None:
    """Two people who start at once get one environment, and both get their answer."""
    with ThreadPoolExecutor() as pool:
        one, two = pool.map(checkout.start, ("one", "two"))

    assert "['one']" in one.stdout, one.stderr
    assert "['two']" in two.stdout, two.stderr
    assert (one.stderr + two.stderr).count(FIRST) == 1
    assert len(checkout.environments()) == 1


def test_interrupted_start_is_begun_afresh(checkout: Checkout) -> None:
    """An environment without its stamp is not trusted: it is made again."""
    digest = hashlib.sha256((checkout.root / "deploy/requirements.txt").read_bytes()).hexdigest()
    half = checkout.root / ".venv" / f"run-{digest[:12]}-{Path(sys.executable).name}"
    half.mkdir(parents=True)
    (half / "left-over").touch()

    done = checkout.start("again")

    assert "['again']" in done.stdout, done.stderr
    assert checkout.environments() == [half]
    assert not (half / "left-over").exists()


def test_changed_requirements_make_another_environment(started: Checkout, tmp_path: Path) -> None:
    """Other requirements, another environment; the old one stays for who still runs from it."""
    copy = Checkout(shutil.copytree(started.root, tmp_path / "copy", symlinks=True))
    for environment in copy.environments():
        (environment / "stamp").write_text(f"{copy.root}\n")
    assert FIRST not in copy.start().stderr
    before = copy.environments()
    (copy.root / "deploy/requirements.txt").write_text("# another nothing\n")

    done = copy.start()

    assert FIRST in done.stderr
    assert set(before) < set(copy.environments())


def test_moved_checkout_makes_its_environment_again(started: Checkout, tmp_path: Path) -> None:
    """After a move nothing of the old place is used."""
    moved = Checkout(shutil.copytree(started.root, tmp_path / "moved", symlinks=True))

    done = moved.start()

    assert FIRST in done.stderr
    assert done.stdout.startswith(f"{tmp_path}/moved/edge/cli ")


def test_failed_install_shows_why(checkout: Checkout) -> None:
    """When pip fails its last lines are shown, and the next start tries again."""
    digest = "0" * 64
    (checkout.root / "deploy/requirements.txt").write_text(
        f"no-such-thing==1.0 --hash=sha256:{digest}\n"
    )

    done = checkout.start(PIP_NO_INDEX="1")

    assert done.returncode == 1
    assert "No matching distribution found for no-such-thing==1.0" in done.stderr
    assert checkout.environments() == []


@pytest.fixture
def without_git(tmp_path: Path) -> Path:
    """Return a folder for PATH with the few programs the scripts need, and no git.

    Its apt-get only writes down what it was asked, and "installs" git.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in USED:
        if found := shutil.which(name):
            (folder / name).symlink_to(found)
    write_program(
        folder / "apt-get",
        f'echo "$*" >>"{folder}/asked"; {shutil.which("ln")} -sf /bin/true "{folder}/git"',
    )
    return folder


def write_program(file: Path, line: str) -> None:
    """Write a program of one line of shell, in place of what stood there."""
    file.unlink(missing_ok=True)
    file.write_text(f"#!/bin/sh\n{line}\n")
    file.chmod(0o755)


def be(folder: Path, uid: int) -> None:
    """Let `id` in this folder say who runs."""
    write_program(folder / "id", f"echo {uid}")


@pytest.mark.parametrize(
    ("uid", "cure"),
    [(0, "apt-get install -y git  (or run again with --install)"),
     (1000, "sudo apt-get install -y git")],
)  # fmt: skip
def test_missing_git_is_said(checkout: Checkout, without_git: Path, uid: int, cure: str) -> None:
    """Without git the start ends with the very command that gets it, and installs nothing."""
    be(without_git, uid)

    done = checkout.start(PATH=str(without_git))

    assert done.returncode == 1
    assert cure in done.stderr
    assert not (without_git / "asked").exists()


def test_install_gets_what_is_missing(checkout: Checkout, without_git: Path) -> None:
    """As root, --install has apt-get bring git and then goes on."""
    be(without_git, 0)

    done = checkout.start("--install", "version", PATH=str(without_git))

    assert "['version']" in done.stdout, done.stderr
    asked = (without_git / "asked").read_text()
    assert asked.splitlines()[-1] == "-qq -y --no-install-recommends install git"


def test_elsewhere_than_debian_other_names_are_said(checkout: Checkout, without_git: Path) -> None:
    """Without apt-get the packages' names of other systems are told."""
    (without_git / "apt-get").unlink()

    done = checkout.start("--install", PATH=str(without_git))

    assert done.returncode == 1
    assert "dnf install git" in done.stderr


def test_too_old_a_python_is_said(checkout: Checkout, without_git: Path) -> None:
    """A Python that is too old counts as none."""
    be(without_git, 1000)
    write_program(without_git / "python3", "exit 1")

    done = checkout.start(PATH=str(without_git), PYTHON="")

    assert done.returncode == 1
    assert "sudo apt-get install -y git python3 python3-venv" in done.stderr

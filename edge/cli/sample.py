"""The repository that `pushline demo` pushes: one function in Python, one of plain files."""

import subprocess
from pathlib import Path
from typing import Final

STACK: Final = """\
version: 1.0
provider:
  name: openfaas
functions:
  hello:
    lang: python3-http
    handler: ./hello
    image: hello
    environment:
      GREETING: Hello
  site:
    lang: static
    handler: ./site
    image: site
"""

HANDLER: Final = '''\
"""Answers with a greeting."""

import os


def handle(event, context):
    name = event.query.get("name", "world")
    greeting = os.environ["GREETING"]
    return {{"statusCode": 200, "body": f"{{greeting}}, {{name}}: version {version}\\n"}}
'''

PAGE: Final = """\
<!doctype html>
<title>Live</title>
<h1>Pushed, and live</h1>
"""

ENVIRONMENT: Final = {
    "GIT_CONFIG_NOSYSTEM": "1",  # the demo is the same whatever this machine's git is told
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_AUTHOR_NAME": "Alice",
    "GIT_AUTHOR_EMAIL": "alice@example.com",
    "GIT_COMMITTER_NAME": "Alice",
    "GIT_COMMITTER_EMAIL": "alice@example.com",
    "LC_ALL": "C.UTF-8",
}


def make(folder: Path, environment: dict[str, str]) -> str:
    """Make the repository with its first commit; return the commit."""
    for name, text in {"stack.yml": STACK, "site/index.html": PAGE}.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    git(folder, environment, "init", "--quiet", "--initial-branch", "main")
    return change(folder, environment, 1)


def change(folder: Path, environment: dict[str, str], version: int) -> str:
    """Commit a handler that answers with this version; return the commit."""
    handler = folder / "hello" / "handler.py"
    handler.parent.mkdir(exist_ok=True)
    handler.write_text(HANDLER.format(version=version), encoding="utf-8")
    git(folder, environment, "add", "--all")
    git(folder, environment, "commit", "--quiet", "--message", f"Answer with version {version}")
    return git(folder, environment, "rev-parse", "HEAD")


def git(folder: Path, environment: dict[str, str], *arguments: str) -> str:
    """Run git in the repository; return what it printed."""
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()

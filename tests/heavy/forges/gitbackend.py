"""git's own http-backend behind an aiohttp server (CGI, RFC 3875)."""

import asyncio
import subprocess
from functools import cache
from pathlib import Path

from aiohttp import web

from tests.consumers.source.forge import AUTHOR


@cache
def backend() -> str:
    """Return the program."""
    place = subprocess.check_output(["git", "--exec-path"], text=True).strip()
    return f"{place}/git-http-backend"


async def cgi(request: web.Request, repository: Path, path: str) -> web.Response:
    """Return git's answer about a repository: a bare one, or one in a work tree."""
    body = await request.read()
    bare = (repository / "HEAD").exists()
    environment = AUTHOR | {
        "GIT_PROJECT_ROOT": str(repository),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": path if bare else f"/.git{path}",
        "QUERY_STRING": request.query_string,
        "REQUEST_METHOD": request.method,
        "CONTENT_TYPE": request.headers.get("Content-Type", ""),
        "CONTENT_LENGTH": str(len(body)),
        "GIT_PROTOCOL": request.headers.get("Git-Protocol", ""),
        "GIT_CONFIG_COUNT": "2",
        "GIT_CONFIG_KEY_0": "safe.directory",
        "GIT_CONFIG_VALUE_0": "*",
        "GIT_CONFIG_KEY_1": "uploadpack.allowReachableSHA1InWant",
        "GIT_CONFIG_VALUE_1": "true",
    }
    if request.headers.get("Content-Encoding"):
        environment["HTTP_CONTENT_ENCODING"] = request.headers["Content-Encoding"]
    process = await asyncio.create_subprocess_exec(
        backend(),
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    said, _ = await process.communicate(body)
    head, _, rest = said.partition(b"\r\n\r\n")
    fields = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
    status = int(fields.pop("Status", "200").split()[0])
    return web.Response(status=status, body=rest, headers=fields)

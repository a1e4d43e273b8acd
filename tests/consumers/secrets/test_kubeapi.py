"""The Kubernetes API's answers, however they come."""

import asyncio
from pathlib import Path

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from consumers.secrets import kubeapi
from consumers.secrets.kubeapi import KubeApi
from schemas.sealed import ClusterUnavailable

PARTS = [b'{"items":["' + b"a" * 100_000, b"b" * 100_000 + b'"]}']


async def in_parts(request: web.Request) -> web.StreamResponse:
    """Answer a list whose end comes later than its beginning."""
    answer = web.StreamResponse()
    await answer.prepare(request)
    for part in PARTS:
        await answer.write(part)
        await asyncio.sleep(0.01)
    return answer


async def test_an_answer_in_parts_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What has come first is no answer, and one that does not end is none either."""
    (tmp_path / "token").write_text("a token")
    application = web.Application()
    application.router.add_get("/list", in_parts)
    async with TestServer(application) as server:
        api = KubeApi(str(server.make_url("/")), tmp_path)
        status, found = await api.asked("GET", "/list")
        monkeypatch.setattr(kubeapi, "LARGEST", 150_000)
        with pytest.raises(ClusterUnavailable, match="over 150000 bytes"):
            await api.asked("GET", "/list")
        await api.close()

    assert status == 200
    assert msgspec.json.decode(found) == {"items": ["a" * 100_000 + "b" * 100_000]}

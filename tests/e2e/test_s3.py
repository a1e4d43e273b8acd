"""A Pushline whose blobs are in a real S3 store, which is down for a while."""

import json
from pathlib import Path

import aiohttp
import pytest

from tests.heavy.store import BUCKET, Store
from tests.laptop import Laptop, commit, git, laptop, repository, saying

pytestmark = pytest.mark.timeout(180)


def environment(s3: Store, **more: str) -> dict[str, str]:
    """Return what tells ``up`` of the store."""
    settings = s3.settings()
    return {
        "PUSHLINE_BLOBS": "s3",
        "PUSHLINE_S3_URL": settings.url,
        "PUSHLINE_S3_BUCKET": settings.bucket,
        "PUSHLINE_S3_ACCESS_KEY": settings.access_key,
        "PUSHLINE_S3_SECRET_KEY": settings.secret_key,
        **more,
    }


async def pipeline_log(here: Laptop, sha: str) -> str:
    """Return the build's log as the predecessor's dashboard asks for it."""
    headers = {"Host": f"system.localhost:{here.port}", "Authorization": here.basic()}
    query = {"repoPath": "alice/hello", "commitSHA": sha, "function": "hello"}
    url = f"http://127.0.0.1:{here.port}/pipeline-log"
    async with (
        aiohttp.ClientSession(headers=headers, raise_for_status=True) as session,
        session.get(url, params=query) as answer,
    ):
        return await answer.text()


def kept(s3: Store, sha: str) -> bool:
    """Tell whether the log of a commit is in the bucket, under the predecessor's key."""
    key = f"{BUCKET}/alice/hello/{sha}/hello/build.log"
    return "Contents" in s3.client().list_objects_v2(Bucket=BUCKET, Prefix=key)


async def test_a_push_waits_for_the_store_and_loses_nothing(s3: Store, tmp_path: Path) -> None:
    """Live with the store up; pushed while it is down, live once it is back; both logs kept."""
    work = repository(tmp_path / "work", {"hello/handler.py": saying("one")})
    with laptop(tmp_path, environment(s3)) as here:
        here.push(work)
        await here.answers("hello", "one")
        first = git(work, "rev-parse", "HEAD")
        here.wait(lambda: kept(s3, first), "the first log is kept")
        assert "building hello" in await pipeline_log(here, first)
        assert not (here.home / "blobs").exists()

        s3.stop()
        try:
            second = commit(work, {"hello/handler.py": saying("two")})
            with here.pushing(work) as pushing:
                here.wait(lambda: here.log().count("handler_waits") > 2, "source waits")
                assert pushing.poll() is None
                await here.answers("hello", "one")  # what is live needs no store
                s3.start()
                said = pushing.communicate(timeout=90)[0]
                assert pushing.returncode == 0, said
        finally:
            s3.start()
        await here.answers("hello", "two")
        here.wait(lambda: kept(s3, second), "the second log is kept")
        assert "source waits: nobody answers at" in said

        assert "building hello" in await pipeline_log(here, second)
        assert "message_given_up" not in here.log()
        settings = s3.settings()
        told = json.dumps(here.events()) + here.log() + said
        assert settings.secret_key not in told
        assert settings.access_key not in told

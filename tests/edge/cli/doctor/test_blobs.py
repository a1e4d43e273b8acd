"""The blobs, as the doctor finds them: a folder, and a real S3 store."""

from pathlib import Path

import pytest

from edge.cli.doctor import blobs
from edge.cli.doctor.finding import Subject
from edge.cli.settings import Settings
from tests.heavy.store import Store

FOLDER, BUCKET = blobs.CHECKS


def settings(s3: Store, **more: str) -> Settings:
    """Return settings of this store, some of them others."""
    told = s3.settings()
    known = {
        "s3_url": told.url,
        "s3_bucket": told.bucket,
        "s3_access_key": told.access_key,
        "s3_secret_key": told.secret_key,
        "s3_addressing": "path",
    }
    return Settings(blobs="s3", **known | more)  # type: ignore[arg-type] # texts only


async def test_a_folder_is_written_and_left_as_it_was(tmp_path: Path) -> None:
    """Blobs of the home; and of a folder that processes share."""
    home = await FOLDER.run(Subject(Settings(), tmp_path, {}))
    shared = await FOLDER.run(Subject(Settings(blobs_folder=str(tmp_path)), tmp_path / "x", {}))

    assert home.state == shared.state == "ok"
    assert list(tmp_path.iterdir()) == []


async def test_a_shared_folder_that_is_not_mounted_is_wrong(tmp_path: Path) -> None:
    """It was asked for; a home that is not there yet was not."""
    chosen = Settings(blobs_folder=str(tmp_path / "none"))

    assert (await FOLDER.run(Subject(chosen, tmp_path, {}))).state == "fail"
    assert (await FOLDER.run(Subject(Settings(), tmp_path / "none", {}))).state == "off"


async def test_a_bucket_is_tried_and_left_as_it_was(s3: Store, tmp_path: Path) -> None:
    """Written on a condition, read, deleted; its folder is none of the other's."""
    subject = Subject(settings(s3), tmp_path, {})

    found = await BUCKET.run(subject)

    assert found.state in {"ok", "warn"}, found
    assert s3.settings().bucket in found.says or "conditional" in found.says
    listed = s3.client().list_objects_v2(Bucket=s3.settings().bucket, Prefix="blobs/doctor/")
    assert listed["KeyCount"] == 0
    assert (await FOLDER.run(subject)).state == "off"


@pytest.mark.parametrize(
    ("wrong", "cure"),
    [
        ({"s3_bucket": "no-such-bucket"}, "PUSHLINE_S3_BUCKET"),
        ({"s3_secret_key": "hush-hush"}, "PUSHLINE_S3_SECRET_KEY"),
        ({"s3_url": "http://127.0.0.1:1"}, "PUSHLINE_S3_URL"),
    ],
)
async def test_a_bucket_that_does_not_work(
    s3: Store, tmp_path: Path, wrong: dict[str, str], cure: str
) -> None:
    """No bucket, a wrong key, nobody there: the setting to mend is named, and no secret."""
    found = await BUCKET.run(Subject(settings(s3, **wrong), tmp_path, {}))

    assert found.state == "fail", found
    assert cure in found.cure
    assert "hush" not in f"{found}"

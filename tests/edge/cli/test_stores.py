"""Which store the settings choose."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from bus.settings import BusSettings
from bus.stores import opened
from edge.cli.settings import Settings
from edge.cli.stores import with_blobs
from edge.cli.variables import load
from schemas.errors import SettingInvalid

BUCKET = {
    "PUSHLINE_BLOBS": "s3",
    "PUSHLINE_S3_URL": "http://somebody:hunter1@127.0.0.1:9000",
    "PUSHLINE_S3_BUCKET": "functions",
    "PUSHLINE_S3_ADDRESSING": "path",
    "PUSHLINE_S3_ACCESS_KEY": "AKIAEXAMPLE",
    "PUSHLINE_S3_SECRET_KEY": "hunter2",
}


def chosen(home: Path, **environ: str) -> BusSettings:
    """Return what the environment makes of a bus."""
    return with_blobs(BusSettings(home=home), load(Settings, environ))


async def test_by_default_blobs_lie_in_the_home(tmp_path: Path) -> None:
    """One machine needs nothing else, and no key begins with another name than a bucket's."""
    bus = chosen(tmp_path)
    async with opened(bus) as made:
        await made.blobs.put(b"hello")
    assert (tmp_path / "blobs").is_dir()
    assert bus.log_prefix == "pipeline"


async def test_processes_apart_share_a_folder(tmp_path: Path) -> None:
    """Blobs and objects both lie in the folder that was named."""
    bus = chosen(tmp_path / "home", PUSHLINE_BLOBS_FOLDER=str(tmp_path / "shared"))
    async with opened(bus) as made:
        await made.blobs.put(b"hello")
        await made.objects.write("a/b", b"hello")
    assert {path.name for path in (tmp_path / "shared").iterdir()} == {"blobs", "objects"}
    assert not (tmp_path / "home").exists()


def test_a_bucket_is_told_all_that_is_set(tmp_path: Path) -> None:
    """Endpoint, addressing and keys reach the store, also through a child's standard input."""
    bus = chosen(tmp_path, **BUCKET)
    assert bus.s3
    assert (bus.s3.bucket, bus.s3.addressing, bus.log_prefix) == ("functions", "path", "functions")
    assert (bus.s3.access_key, bus.s3.secret_key) == ("AKIAEXAMPLE", "hunter2")


async def test_no_secret_in_a_repr(tmp_path: Path) -> None:
    """Neither keys nor a password in the URL are shown by what holds them."""
    bus = chosen(tmp_path, **BUCKET)
    async with opened(bus) as made:
        shown = f"{bus!r} {bus.s3!r} {made!r} {vars(made.blobs)!r} {vars(made.objects)!r}"
    assert "127.0.0.1:9000" in shown
    for secret in ("hunter1", "hunter2", "AKIAEXAMPLE"):
        assert secret not in shown


@pytest.mark.parametrize("missing", ["PUSHLINE_S3_ACCESS_KEY", "PUSHLINE_S3_SECRET_KEY"])
def test_half_a_key_is_refused(tmp_path: Path, missing: str) -> None:
    """The message names the other half."""
    environ = {name: value for name, value in BUCKET.items() if name != missing}
    with pytest.raises(SettingInvalid, match=missing):
        chosen(tmp_path, **environ)


def test_a_folder_waits_for_no_s3_client() -> None:
    """The platform's process starts without boto3, which takes half a second."""
    imported = "import sys, edge.cli.platform, edge.cli.consumer; print('botocore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", imported], capture_output=True, check=True)
    assert done.stdout == b"False\n"


def test_without_keys_the_machine_has_its_own(tmp_path: Path) -> None:
    """Both unset: an instance's role, or whatever boto3 finds."""
    environ = {name: value for name, value in BUCKET.items() if "KEY" not in name}
    bus = chosen(tmp_path, **environ)
    assert bus.s3
    assert msgspec.structs.asdict(bus.s3)["access_key"] == ""

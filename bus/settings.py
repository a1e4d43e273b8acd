"""Settings of the bus; imports no client of the log."""

from pathlib import Path
from typing import Final, Literal

import msgspec

MIB: Final = 1024**2
GIB: Final = 1024**3


class S3Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the blobs are when they are in a bucket of an S3 store."""

    bucket: str  # has to exist
    url: str = ""  # of the endpoint; "": Amazon's
    region: str = "us-east-1"
    addressing: Literal["auto", "path", "virtual"] = "auto"  # where the bucket stands in a URL
    access_key: str = ""  # without keys: what the machine has, as an instance's role
    secret_key: str = ""
    connections: int = 8  # calls at once, each with a thread and a part of a blob in memory
    connect_seconds: float = 3.0
    read_seconds: float = 20.0  # of silence
    attempts: int = 3  # of one call; a run waits longer
    part_bytes: int = 8 * MIB  # what is larger is sent in parts of this; S3 asks for 5 MiB

    def __repr__(self) -> str:
        """Return where the blobs are, without keys."""
        return f"S3Settings(bucket={self.bucket!r}, endpoint={self.endpoint!r})"

    @property
    def endpoint(self) -> str:
        """Return the URL without what might be a password."""
        scheme, slashes, rest = self.url.partition("//")
        host, slash, path = rest.partition("/")
        bare = host.rpartition("@")[2]
        return f"{scheme}{slashes}{bare}{slash}{path}" or "Amazon S3"


class BusSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the log is and how it is kept."""

    nats_url: str = "nats://127.0.0.1:4222"
    user: str = ""
    password: str = ""
    tls: Path | None = None  # folder of ca.pem, cert.pem, key.pem; None: none but by tls:// URLs
    tls_first: bool = False  # the servers begin with the handshake, before they say a word
    home: Path  # of snapshots and the high-water mark
    s3: S3Settings | None = None  # of blobs and objects; None: they are files
    blobs_folder: Path | None = None  # of these files, where others share them; None: the home
    replicas: Literal[1, 3] = 1  # 3: a cluster
    log_bytes: int = 8 * GIB  # room for all streams

    def __repr__(self) -> str:
        """Return all but the password."""
        return f"BusSettings(nats_url={self.nats_url!r}, user={self.user!r}, home={self.home!r})"

    @property
    def log_prefix(self) -> str:
        """Return what the keys of build logs begin with: the bucket's name, also without one."""
        return self.s3.bucket if self.s3 is not None else "pipeline"

    @property
    def inbox(self) -> str:
        """Return the prefix of the subjects that this role's answers come to."""
        return f"_INBOX_{self.user}" if self.user else "_INBOX"

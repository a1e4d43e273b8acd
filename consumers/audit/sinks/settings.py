"""What is said of sinks: a table each in the file that PUSHLINE_AUDIT_SINKS names."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from bus.settings import S3Settings

Name = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,31}$")]
Url = Annotated[str, Meta(pattern=r"^https?://[^\s/]+")]
MOST = 16  # sinks: each is a label of metrics, and a task


class Common(msgspec.Struct, frozen=True, kw_only=True, tag_field="kind"):
    """What any sink may say; a filter that is left out takes everything."""

    name: Name
    events: tuple[str, ...] = ()  # as run.*, token.issued
    projects: tuple[str, ...] = ()  # owner/name
    actors: tuple[str, ...] = ()
    begin: Literal["now", "first"] = "now"  # where a sink begins that was never there before

    def __repr__(self) -> str:
        """Return which, without what is secret."""
        return f"{type(self).__name__}(name={self.name!r})"


class Stdout(Common, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="stdout"):
    """A line a record, as it stands in the record, on standard output."""


class File(Common, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="file"):
    """A file that is turned over when it is large."""

    path: str
    rotate_mib: Annotated[int, Meta(ge=1)] = 100
    keep: Annotated[int, Meta(ge=1, le=1000)] = 10  # files beside the one that is written


class S3(Common, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="s3"):
    """Objects in a bucket, one for each 1,000 sequences."""

    bucket: str
    prefix: Annotated[str, Meta(pattern=r"^[A-Za-z0-9_.=@-]+(/[A-Za-z0-9_.=@-]+)*$")] = "audit"
    endpoint: str = ""  # "": Amazon's
    region: str = "us-east-1"
    addressing: Literal["auto", "path", "virtual"] = "auto"
    access_key: str = ""  # without keys: what the machine has, as an instance's role
    secret_key: str = ""
    seconds: Annotated[float, Meta(ge=0.1)] = 10.0  # that an object may lag behind

    def store(self) -> S3Settings:
        """Return how the bucket is met."""
        return S3Settings(
            bucket=self.bucket,
            url=self.endpoint,
            region=self.region,
            addressing=self.addressing,
            access_key=self.access_key,
            secret_key=self.secret_key,
            connections=1,
        )


class Slack(Common, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="slack"):
    """Slack's incoming webhook; its URL is a secret."""

    url: Url


class Http(Common, frozen=True, kw_only=True, forbid_unknown_fields=True, tag="http"):
    """A JSON array of records to a URL, signed; 2xx takes it."""

    url: Url
    secret: Annotated[str, Meta(min_length=16)]  # of the signature
    most: Annotated[int, Meta(ge=1, le=1000)] = 100  # records of one request
    timeout: Annotated[float, Meta(gt=0)] = 10.0  # seconds


SinkSettings = Stdout | File | S3 | Slack | Http


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    sink: Annotated[tuple[SinkSettings, ...], Meta(max_length=MOST)] = ()

"""The S3 store is a real one: what other tests believe of it is seen here."""

import pytest
from botocore.exceptions import ClientError

from tests.heavy.store import BUCKET, Store


def test_the_store_keeps_an_object_over_a_restart(s3: Store) -> None:
    """Down and up again it has the same address and the same data."""
    s3.client().put_object(Bucket=BUCKET, Key="kept", Body=b"1")
    s3.stop()
    s3.start()
    assert s3.client().get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"1"


def test_the_store_honours_a_condition(s3: Store) -> None:
    """If-None-Match keeps what is there."""
    client = s3.client()
    client.put_object(Bucket=BUCKET, Key="condition", Body=b"1")
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=BUCKET, Key="condition", Body=b"2", IfNoneMatch="*")

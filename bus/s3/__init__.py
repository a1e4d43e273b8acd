"""Blobs and objects in a bucket of any S3 store; imported only where one is chosen."""

from bus.s3.blobs import S3Blobs
from bus.s3.bucket import Bucket
from bus.s3.objects import S3Objects

__all__ = ["Bucket", "S3Blobs", "S3Objects"]

"""What an error of the S3 client means to us, and which setting mends it.

Every one may pass: an operator mends keys or makes the bucket while runs wait.
"""

from typing import Final

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
    SSLError,
)

from bus.settings import S3Settings
from schemas.errors import BlobsUnavailable

KEYS: Final = "PUSHLINE_S3_ACCESS_KEY and PUSHLINE_S3_SECRET_KEY"
REGION: Final = (
    "301",
    "307",
    "AuthorizationHeaderMalformed",
    "IllegalLocationConstraintException",
    "PermanentRedirect",
    "TemporaryRedirect",
)
WHO: Final = (
    "401",
    "403",
    "AccessDenied",
    "AccountProblem",
    "AllAccessDisabled",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
)


def code_of(error: BotoCoreError | ClientError) -> str:
    """Return the store's own word for it, or the kind of what broke on the way."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code") or status_of(error))
    return type(error).__name__


def status_of(error: ClientError) -> int:
    """Return the HTTP status, 0 for none."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") or 0)


def meaning(error: BotoCoreError | ClientError, settings: S3Settings) -> BlobsUnavailable:
    """Return what to raise: in our words, for the client's may quote headers."""
    if isinstance(error, ClientError):
        code, cure = code_of(error), _cure(error, settings)
        return BlobsUnavailable(f"the store of blobs answered {code}", hint=cure)
    what, cure = _broken(error, settings)
    return BlobsUnavailable(what, hint=cure)


def _cure(error: ClientError, settings: S3Settings) -> str:
    code = code_of(error)
    if code in ("404", "NoSuchBucket", "InvalidBucketName"):
        return f"make the bucket {settings.bucket}, or mend PUSHLINE_S3_BUCKET"
    if code == "RequestTimeTooSkewed":
        return "set the clock of this machine"
    if code in REGION:
        return f"mend PUSHLINE_S3_REGION, which says {settings.region}, or PUSHLINE_S3_URL"
    if code in WHO:
        # without the right to list, a store says 403 where it means that nothing is there
        return f"mend {KEYS}: they have to list, read, write and delete in {settings.bucket}"
    return ""


def _broken(error: BotoCoreError, settings: S3Settings) -> tuple[str, str]:
    where = settings.endpoint
    match error:
        case NoCredentialsError() | PartialCredentialsError() | CredentialRetrievalError():
            return "there are no keys for the store of blobs", f"set {KEYS}"
        case ParamValidationError():
            return f"{settings.bucket!r} is no name of a bucket", "mend PUSHLINE_S3_BUCKET"
        case SSLError():
            return f"the certificate of {where} is not to be trusted", "see PUSHLINE_S3_URL"
        case EndpointConnectionError() | ConnectTimeoutError():
            return f"nobody answers at {where}", "start it, or mend PUSHLINE_S3_URL"
        case ReadTimeoutError():
            return f"{where} fell silent", ""
        case _:
            return f"the store of blobs at {where} broke off: {type(error).__name__}", ""

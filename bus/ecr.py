"""Amazon's registry, which has to be told of a repository before anybody pushes into it.

boto3 is imported when the first image is to be pushed: it takes half a second, in a thread.
"""

import re
import threading
from typing import Any, Final

import msgspec

from bus.blocking import run_blocking
from schemas.errors import RegistryUnavailable

_HOST: Final = re.compile(
    r"(?P<account>\d{12})\.dkr\.ecr(?:-fips)?\.(?P<region>[a-z0-9-]{1,32})\.amazonaws\.com(?:\.cn)?"
)
EXISTS: Final = "RepositoryAlreadyExistsException"
KEYS: Final = "PUSHLINE_ECR_ACCESS_KEY and PUSHLINE_ECR_SECRET_KEY"


class EcrSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Whose registry it is, and who may make repositories in it."""

    account: str
    region: str
    url: str = ""  # of the API; "": Amazon's
    access_key: str = ""  # without keys: what the machine has, as an instance's role
    secret_key: str = ""

    def __repr__(self) -> str:
        """Return where it is, without keys."""
        return f"EcrSettings(account={self.account!r}, region={self.region!r})"


def place(host: str) -> tuple[str, str] | None:
    """Return account and region of a registry's host, None for one that is not Amazon's."""
    found = _HOST.fullmatch(host)
    return (found["account"], found["region"]) if found else None


class Ecr:
    """Makes repositories; shared between tasks."""

    def __init__(self, settings: EcrSettings) -> None:
        """Prepare; nobody is asked anything yet."""
        self._settings = settings
        self._making = threading.Lock()
        self._client: Any = None

    async def make(self, repository: str) -> bool:
        """Make a repository whose tags may move; tell whether it was not there.

        Raises RegistryUnavailable: an operator mends keys or rights while runs wait.
        """
        return await run_blocking(self._make, repository)

    def _make(self, repository: str) -> bool:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            self._connected().create_repository(
                registryId=self._settings.account,
                repositoryName=repository,
                imageTagMutability="MUTABLE",
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", ""))
            if code == EXISTS:
                return False
            raise RegistryUnavailable(
                f"{repository} could not be made at ECR: {code}",
                hint=f"mend {KEYS}: they need the right ecr:CreateRepository",
            ) from error
        except BotoCoreError as error:  # its text may quote what was sent
            what = type(error).__name__
            raise RegistryUnavailable(
                f"ECR could not be asked for {repository}: {what}", hint=f"mend {KEYS}"
            ) from error
        return True

    def _connected(self) -> Any:
        import boto3
        from botocore.config import Config

        chosen = self._settings
        with self._making:
            if self._client is None:
                session = boto3.session.Session(
                    aws_access_key_id=chosen.access_key or None,
                    aws_secret_access_key=chosen.secret_key or None,
                    region_name=chosen.region,
                )
                config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard"})
                connect: Any = session.client  # typed for S3 alone
                self._client = connect("ecr", endpoint_url=chosen.url or None, config=config)
            return self._client

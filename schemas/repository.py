"""A repository as a push told of it: what later steps need to fetch a commit."""

import msgspec


class Repository(msgspec.Struct, frozen=True):
    """Names are labels: the identity is the aggregate's ``project``."""

    owner: str
    name: str
    default_branch: str
    clone_url: str = ""  # http(s), without credentials; "" at the local forge, which serves itself
    private: bool = False
    installation: str = ""  # GitHub App installation id

    @property
    def full_name(self) -> str:
        """Return ``owner/name``."""
        return f"{self.owner}/{self.name}"

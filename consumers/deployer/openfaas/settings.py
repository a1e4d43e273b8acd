"""Which gateway, and what a stack may ask of it."""

import msgspec


class Quota(msgspec.Struct, frozen=True, kw_only=True):
    """The most that a stack may ask for one function; Kubernetes quantities."""

    memory: str = "1Gi"
    cpu: str = "1"
    replicas: int = 4
    memory_default: str = "256Mi"  # the limit where the stack says none


class GatewaySettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where the gateway is, who we are there, and how long things may take."""

    url: str = "http://127.0.0.1:8080"  # without credentials: it stands in every upstream
    user: str = "admin"
    password: str = ""  # "": no basic auth
    installation: str = ""  # tells our functions from those of another log
    namespace: str = ""  # of functions; "": the gateway's own
    namespaces: tuple[str, ...] = ()  # that a stack may choose beside it
    seconds: int = 120  # within which a revision has to be ready
    quota: Quota = Quota()

    def __repr__(self) -> str:
        """Return what may be shown: not the password."""
        return f"GatewaySettings(url={self.url!r}, user={self.user!r})"

"""What can go wrong between us and a daemon: who is to blame, and whether to try again."""


class BuildkitError(Exception):
    """Base of everything this library raises on purpose; its text holds no secret.

    ``retryable``: the same call may work later. What a Dockerfile does wrong never does.
    """

    retryable = False

    def __init__(self, message: str) -> None:
        """Say what happened in one sentence."""
        super().__init__(message)
        self.message = message


class Unavailable(BuildkitError):
    """The daemon was not reached, went away, or was killed: try again."""

    retryable = True


class TooOld(BuildkitError):
    """The daemon does not know this call or exporter."""


class Denied(BuildkitError):
    """A registry or the daemon refused: credentials, certificates or entitlements are wrong."""


class ContextInvalid(BuildkitError):
    """A build context, or a pattern over it, cannot be served."""


class OutputRefused(BuildkitError):
    """The daemon sent a file that would leave the folder it was meant for."""


class SolveFailed(BuildkitError):
    """A step of the build failed."""

    def __init__(
        self,
        message: str,
        *,
        vertex: str = "",
        exit_code: int | None = None,
        tail: tuple[str, ...] = (),
        retryable: bool = False,
    ) -> None:
        """Keep what a person needs to see what went wrong."""
        super().__init__(message)
        self.vertex = vertex  # the step's name as the log says it; "" where no step is to blame
        self.exit_code = exit_code  # of RUN; None where nothing was run
        self.tail = tail  # the step's last lines
        self.retryable = retryable

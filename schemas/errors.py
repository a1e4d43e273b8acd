"""The one error family: what went wrong, and what to do about it."""

from datetime import timedelta
from typing import ClassVar


class PushlineError(Exception):
    """Base of every error raised on purpose.

    ``code`` is stable; ``hint`` says what to do next, or nothing.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, hint: str = "") -> None:
        """Say what happened in one sentence, without secrets."""
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        """Return the sentence, and the cure where there is one."""
        return f"{self.message} ({self.hint})" if self.hint else self.message


class Retry(PushlineError):
    """Later it may work: nak with backoff; on the last attempt, give up.

    ``patience``: until its event is so old, waiting costs no attempts; after that, the usual.
    """

    patience: ClassVar[timedelta] = timedelta(0)


class GiveUp(PushlineError):
    """It will never work: dead letter, then TERM with the reason."""


class SettingInvalid(PushlineError):
    """A setting has a value that cannot be used; the message names the setting."""

    code = "setting_invalid"


class LogUnavailable(Retry):
    """The log did not answer; what was being appended may be stored: repeat it, same id."""

    code = "log_unavailable"


class LogFull(LogUnavailable):
    """The log has reached its size limit and takes nothing more."""

    code = "log_full"


class LogNotInitialised(PushlineError):
    """There is no log here; only ``init`` makes one, for a missing log may be a broken disk."""

    code = "log_not_initialised"


class LogRewound(PushlineError):
    """The log ends before a sequence it is known to have reached: data was lost."""

    code = "log_rewound"


class AccessDenied(PushlineError):
    """The log refused our user or what it asked for; no repetition helps, the process ends."""

    code = "access_denied"


class ServerUnusable(PushlineError):
    """There is no nats-server that we can run, or it did not start."""

    code = "server_unusable"


class EventMissing(GiveUp):
    """No event has this sequence."""

    code = "event_missing"


class DurableMissing(PushlineError):
    """A worker has no durable in the log; ``ensure`` makes it, never the worker itself."""

    code = "durable_missing"


class Conflict(Retry):
    """A guard moved: reload, decide again."""

    code = "conflict"


class GuardMisses(GiveUp):
    """A guard's filter does not contain the subject of its fact, and would guard nothing."""

    code = "guard_misses"


class IdReused(GiveUp):
    """An id is in the log with another subject or body."""

    code = "id_reused"


class FactTooLarge(GiveUp):
    """A fact is over the size of a message; large things belong into a blob."""

    code = "fact_too_large"


class Gap(PushlineError):
    """A sequence is missing between two events that were read."""

    code = "gap"


class Undecodable(GiveUp):
    """A stored message does not have the shape its tag promises."""

    code = "undecodable"


class BlobMissing(GiveUp):
    """No blob has this digest."""

    code = "blob_missing"


class BlobDamaged(GiveUp):
    """A blob's bytes do not have its digest."""

    code = "blob_damaged"


class ObjectMissing(GiveUp):
    """No object has this key."""

    code = "object_missing"


class KeyInvalid(GiveUp):
    """What came from outside cannot be part of an object's key; the message names the part."""

    code = "key_invalid"


class BlobsUnavailable(Retry):
    """The store of blobs did not answer: runs wait for it, up to a day."""

    code = "blobs_unavailable"
    patience = timedelta(hours=24)


class PayloadInvalid(GiveUp):
    """A delivery's body is not what its forge documents; the message names the field."""

    code = "payload_invalid"


class SourceUnavailable(Retry):
    """The forge did not hand out the commit."""

    code = "source_unavailable"


class BuildFailed(GiveUp):
    """The pushed code does not build; the builder catches and records it."""

    code = "build_failed"

    def __init__(self, message: str, *, hint: str = "", tail: tuple[str, ...] = ()) -> None:
        """Say what failed; ``tail`` are the last lines of the log."""
        super().__init__(message, hint=hint)
        self.tail = tail


class EngineUnavailable(Retry):
    """BuildKit or the Docker Engine did not answer, or went away while it built."""

    code = "engine_unavailable"
    patience = timedelta(hours=1)


class RegistryUnavailable(Retry):
    """The image registry did not answer."""

    code = "registry_unavailable"
    patience = timedelta(hours=1)


class DeployFailed(GiveUp):
    """A revision did not become ready; the deployer catches and records it."""

    code = "deploy_failed"


class PlatformUnavailable(Retry):
    """Whatever runs the functions did not answer."""

    code = "platform_unavailable"

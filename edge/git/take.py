"""One push, from its spooled body to moved refs; blocking, to be run in a thread."""

from collections.abc import Mapping
from typing import IO, Final

import msgspec
import structlog
from dulwich.object_store import DiskObjectStore

from edge.git import refs, state
from edge.git.commands import Push
from edge.git.errors import PackRefused
from edge.git.names import HEADS
from edge.git.pushed_stack import Lint, Verdict, judge
from edge.git.quarantine import quarantine, release, take_in
from edge.git.repository import Repository
from edge.git.state import LocalPush, State
from edge.git.weigh import Limits

log = structlog.get_logger(__name__)

ATOMIC: Final = "atomic push: another ref was refused"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a push."""

    refused: Mapping[str, str] = {}  # per ref, and why
    moved: Mapping[int, LocalPush] = {}  # what the log has to hear, by its number
    default_branch: str = ""
    verdict: Verdict = Verdict()  # on the production branch's stack.yml
    unpack: str = "ok"


def take(
    push: Push, file: IO[bytes], repository: Repository, *, pusher: str, limits: Limits, lint: Lint
) -> Outcome:
    """Let in the pack that ``file`` stands at and move the refs; what is refused leaves nothing.

    Raises nothing for a push that is wrong: the outcome says so, per ref.
    """
    repository.create()
    with repository.packs_kept(), quarantine(repository.root) as folder:
        try:
            if push.with_pack:
                take_in(file, folder, repository, limits)
            with repository.store(folder) as store, repository.refs_locked():
                before = repository.read() or State("")
                after, outcome = decide(
                    push, before, store, repository=repository, pusher=pusher, lint=lint
                )
                if after != before:
                    release(folder, repository)
                    state.write(repository.folder, after)
        except PackRefused as error:
            return _nothing(push, "the pack was refused", error.message)
        except OSError as error:
            log.exception("push_not_stored", project=repository.project)
            return _nothing(push, "not stored", f"the forge's disk: {error.strerror or error}")
    return outcome


def _nothing(push: Push, reason: str, unpack: str) -> Outcome:
    refused = {command.ref: reason for command in push.commands}
    return Outcome(refused=refused, unpack=unpack)


def decide(
    push: Push,
    before: State,
    store: DiskObjectStore,
    *,
    repository: Repository,
    pusher: str,
    lint: Lint,
) -> tuple[State, Outcome]:
    """Return the refs as they are to be, and what to tell; nothing is written."""
    refused = refs.refused(push.commands, before, store)
    default = refs.default_branch(push.commands, before, refused)
    verdict = _verdict(push, default, refused, store, lint)
    if verdict.errors:
        refused[HEADS + default] = verdict.reason
    if refused and b"atomic" in push.capabilities:
        refused |= {c.ref: ATOMIC for c in push.commands if c.ref not in refused}
    good = [command for command in push.commands if command.ref not in refused]
    if not good:
        return before, Outcome(
            refused=refused, default_branch=before.default_branch or default, verdict=verdict
        )
    after = refs.moved(good, before, repository, default_branch=default, pusher=pusher)
    told = {
        ref.number: ref.push
        for ref in after.refs.values()
        if ref.push and ref.number > before.pushes
    }
    return after, Outcome(refused=refused, moved=told, default_branch=default, verdict=verdict)


def _verdict(
    push: Push, default: str, refused: Mapping[str, str], store: DiskObjectStore, lint: Lint
) -> Verdict:
    for command in push.commands:
        wanted = command.ref == HEADS + default and not command.deletes
        if wanted and command.ref not in refused:
            return judge(store, command.new, lint)
    return Verdict()

"""Who may clone and push, with git itself: by role, and by what a token is for."""

from collections.abc import Callable
from typing import Any

import msgspec

from bus.connection import Bus
from edge.auth.people import PLATFORM
from tests.edge.auth.entering import Denials, by_password, person
from tests.edge.git.conftest import STACK, TOKEN, Clone, Served

CALLERS = {
    TOKEN: PLATFORM,
    "stranger": person("stan", None),
    "other": person("bob", "owner", "bob"),
    "viewer": person("vera", "viewer"),
    "member": person("mia", "member"),
    "reads": person("alice", "owner", "alice", "read"),
    "pushes": person("alice", "owner", "alice", "push"),
    "runs": person("alice", "owner", "alice", "run"),
}
READ = {TOKEN, "viewer", "member", "reads"}
PUSH = {TOKEN, "member", "pushes"}


async def test_each_does_what_his_role_and_token_let_him(serve: Callable[..., Any]) -> None:
    """What is not there for somebody looks like what is not there at all."""
    denied = Denials()
    async with serve(enter=by_password(CALLERS, denied)) as served:
        clone = await served.clone()
        await clone.commit(stack_yml=STACK)
        await clone.git("push", "origin", "main")
        for number, password in enumerate(CALLERS):
            url = served.remote(token=password)
            read = await Clone(served.folder).git("ls-remote", url, code=None)
            pushed = await clone.git("push", url, f"main:b{number}", code=None)

            assert (read.code == 0) == (password in READ), (password, read.output)
            assert (pushed.code == 0) == (password in PUSH), (password, pushed.output)
            if password not in READ:
                nothing = await Clone(served.folder).git(
                    "ls-remote", served.remote("alice/none", token=password), code=None
                )
                assert nothing.output == read.output.replace("alice/hello", "alice/none")
        heads = await served.heads()
    assert len(heads) == 2 + len(PUSH)
    assert ("forbidden", "push", "local/alice", CALLERS["viewer"].user) in denied


async def test_a_push_that_is_refused_says_what_it_takes(serve: Callable[..., Any]) -> None:
    """Before a byte of the pack is sent; the same for an owner that nobody is."""
    async with serve(enter=by_password(CALLERS)) as served:
        clone = await served.clone()
        await clone.commit(stack_yml=STACK)
        viewer = await clone.git("push", served.remote(token="viewer"), "main", code=128)
        nobody = await clone.git("push", served.remote("new/x", token="member"), "main", code=128)

        assert "local/alice: this takes the role member, and github:vera is viewer" in viewer.output
        assert "local/new: this takes the role member, and github:mia is no member" in nobody.output
        assert not served.path().exists()


async def test_the_pusher_is_who_has_the_token(serve: Callable[..., Any], bus: Bus) -> None:
    """Not what git says beside it; with the platform's own token that name is all there is."""
    async with serve(enter=by_password(CALLERS)) as served:
        clone = await served.clone()
        for number, password in enumerate(("member", "pushes", TOKEN)):
            await clone.commit(f"change {number}", stack_yml=STACK)
            await clone.git("push", _as("mallory", served, password), f"main:b{number}")
            delivery = await bus.deliveries.get(number + 1)
            pusher = msgspec.json.decode(delivery.body)["pusher"]
            assert pusher == ("github:mia", "github:alice", "mallory")[number]


def _as(user: str, served: Served, password: str) -> str:
    """Return a remote with another user's name in it."""
    return served.remote(token=password).replace("alice:", f"{user}:", 1)

"""The store on a real log and real blobs: what goes in comes out for its place only."""

import asyncio
from pathlib import Path
from typing import cast

import pytest

from bus.connection import Bus
from bus.keyfolder import KeysUnsafe
from consumers.secrets.consumer import Sweeper
from consumers.secrets.keyfile import KeyFile
from consumers.secrets.store import Secrets, SecretUnreadable
from schemas.envelope import Recorded, tenant
from schemas.errors import BlobMissing
from schemas.events.secret import SecretRemoved, SecretSealed
from schemas.events.tenant import TenantRenamed
from schemas.secrets import MOST, Scope, SecretInvalid, SecretMissing

SHOP = Scope("local", "alice/shop", "alice/shop")
ALICE = Scope("local", "Alice")
CANARY = b"CANARY-a-value-that-nobody-may-find"


@pytest.fixture
def secrets(bus: Bus, tmp_path: Path) -> Secrets:
    """Return a store on an empty log, with keys of its own."""
    return Secrets(bus.log, bus.blobs, KeyFile(tmp_path / "keys"))


async def opened(secrets: Secrets, project: str = "alice/shop", name: str = "npm") -> bytes | None:
    """Return what alice's project gets."""
    return await secrets.open("local", project, "alice", name)


async def facts(bus: Bus) -> list[Recorded[SecretSealed | SecretRemoved]]:
    """Return everything in the log, which is about secrets alone."""
    events = bus.follow.events(after=0, until=await bus.log.head())
    return [cast("Recorded[SecretSealed | SecretRemoved]", event) async for event in events]


async def test_a_value_is_set_replaced_and_removed(secrets: Secrets) -> None:
    """The last word holds; after a removal there is nothing."""
    await secrets.put(SHOP, "npm", b"one", by="alice")
    first = await opened(secrets)
    await secrets.put(SHOP, "npm", b"two", by="alice")
    second = await opened(secrets)
    await secrets.remove(SHOP, "npm", by="alice")

    assert (first, second, await opened(secrets)) == (b"one", b"two", None)
    with pytest.raises(SecretMissing, match="alice/shop has no secret npm"):
        await secrets.remove(SHOP, "npm", by="alice")


async def test_a_name_that_somebody_else_takes_opens_nothing(secrets: Secrets, bus: Bus) -> None:
    """After a rename the old name's secrets are nobody's; what its next owner sets is his."""
    inner = Scope("gitlab", "group/sub")
    await secrets.put(ALICE, "npm", b"alice's", by="alice")
    await secrets.put(inner, "npm", b"group's", by="alice")
    await secrets.put(SHOP, "own", b"shop's", by="alice")
    for of in (tenant("local", "alice"), tenant("gitlab", "group")):
        await bus.log.append(TenantRenamed("other"), of=of, id=f"test:{of.forge}")

    assert await opened(secrets) is None
    assert await secrets.open("gitlab", "9", "group/sub", "npm") is None
    assert await opened(secrets, name="own") == b"shop's"
    await secrets.put(ALICE, "npm", b"the next one's", by="eve")
    assert await opened(secrets) == b"the next one's"


async def test_a_projects_own_goes_before_its_tenants(secrets: Secrets) -> None:
    """A tenant's secret is everybody's of the tenant, whatever the case of its login."""
    await secrets.put(ALICE, "npm", b"of all", by="alice")
    await secrets.put(SHOP, "npm", b"of shop", by="alice")

    assert await opened(secrets) == b"of shop"
    assert await opened(secrets, "alice/other") == b"of all"
    assert await secrets.open("local", "alice/other", "ALICE", "npm") == b"of all"
    assert await secrets.open("local", "bob/shop", "bob", "npm") is None
    assert await secrets.open("github", "alice/shop", "alice", "npm") is None


async def test_facts_say_who_and_where_and_no_value(bus: Bus, secrets: Secrets) -> None:
    """The log has the name, the key and the blob's digest; the blob is sealed."""
    await secrets.put(SHOP, "npm", CANARY, by="alice")
    await secrets.put(SHOP, "npm", CANARY, by="bob")
    await secrets.remove(SHOP, "npm", by="carol")

    first, second, last = await facts(bus)

    assert isinstance(first.fact, SecretSealed)
    assert isinstance(second.fact, SecretSealed)
    assert (first.actor, second.actor, last.actor) == ("alice", "bob", "carol")
    assert first.name == "alice/shop"
    assert (first.fact.replaces, second.fact.replaces) == ("", first.fact.sealed)
    assert last.fact == SecretRemoved("npm", "project", second.fact.sealed)
    assert first.fact.sealed != second.fact.sealed
    for digest in (first.fact.sealed, second.fact.sealed):
        assert CANARY not in await bus.blobs.get(digest)
    assert CANARY.decode() not in repr((first, second, last))


async def test_a_blob_of_one_secret_is_no_value_of_another(bus: Bus, secrets: Secrets) -> None:
    """Who could write facts could still not point his secret to another tenant's box."""
    await secrets.put(SHOP, "npm", CANARY, by="alice")
    [stolen] = await facts(bus)
    thief = Scope("local", "bob/shop", "bob/shop").secret("npm")
    await bus.log.append(stolen.fact, of=thief, id="test:stolen", name="bob/shop")

    with pytest.raises(SecretUnreadable, match=r"npm of bob/shop.*not for") as raised:
        await secrets.open("local", "bob/shop", "bob", "npm")

    assert CANARY.decode() not in str(raised.value)


@pytest.mark.parametrize("name", ["", "NPM", "npm_token", "-a", "a-", "a" * 64, "a.b", "a\n", "é"])
async def test_a_name_is_one_that_every_platform_takes(secrets: Secrets, name: str) -> None:
    """The field is named, with what may stand in it."""
    with pytest.raises(SecretInvalid, match=r"name: .*small letters"):
        await secrets.put(SHOP, name, b"x", by="alice")


async def test_a_value_has_a_size(secrets: Secrets) -> None:
    """Nothing and too much are refused; the most there may be is kept."""
    with pytest.raises(SecretInvalid, match=r"value: .*empty"):
        await secrets.put(SHOP, "npm", b"", by="alice")
    with pytest.raises(SecretInvalid, match=r"value: .*64 KiB"):
        await secrets.put(SHOP, "npm", b"x" * (MOST + 1), by="alice")

    await secrets.put(SHOP, "npm", b"x" * MOST, by="alice")

    assert await opened(secrets) == b"x" * MOST


async def test_many_who_set_at_once_leave_one_value_and_one_chain(
    bus: Bus, secrets: Secrets
) -> None:
    """Each fact replaces the one before it, so that no blob is forgotten."""
    values = [f"value {number}".encode() for number in range(8)]
    await asyncio.gather(*(secrets.put(SHOP, "npm", each, by="alice") for each in values))

    chain = [event.fact for event in await facts(bus) if isinstance(event.fact, SecretSealed)]

    assert [fact.replaces for fact in chain] == ["", *(fact.sealed for fact in chain[:-1])]
    assert await opened(secrets) in values


async def test_void_blobs_go_and_twice_is_harmless(bus: Bus, secrets: Secrets) -> None:
    """After a new value and after a removal nothing of the old one is left."""
    sweeper = Sweeper(bus.blobs)
    await secrets.put(SHOP, "npm", b"one", by="alice")
    await secrets.put(SHOP, "npm", b"two", by="alice")
    first, second = await facts(bus)

    for event in (first, second, second):
        await sweeper.handle(event)

    assert not await bus.blobs.has(first.fact.sealed)
    assert await opened(secrets) == b"two"

    await secrets.remove(SHOP, "npm", by="alice")
    await sweeper.handle((await facts(bus))[-1])

    assert not await bus.blobs.has(second.fact.sealed)


class Hurried:
    """Blobs whose first answer comes when the value was replaced and its blob deleted."""

    def __init__(self, bus: Bus, secrets: Secrets) -> None:
        """Wrap the real ones."""
        self.bus, self.secrets, self.asked = bus, secrets, 0

    async def get(self, digest: str) -> bytes:
        """Return the bytes, the first time too late."""
        self.asked += 1
        if self.asked == 1:
            await self.secrets.put(SHOP, "npm", b"two", by="alice")
            await self.bus.blobs.delete(digest)
        return await self.bus.blobs.get(digest)

    put = has = fetch = delete = None


async def test_a_reader_that_is_overtaken_gets_the_new_value(bus: Bus, secrets: Secrets) -> None:
    """Between the fact and its blob somebody may set another value."""
    await secrets.put(SHOP, "npm", b"one", by="alice")
    slow = Secrets(bus.log, Hurried(bus, secrets), secrets.keys)  # type: ignore[arg-type] # get only

    assert await opened(slow) == b"two"


async def test_a_lost_blob_or_key_says_which_secret_and_the_cure(
    bus: Bus, secrets: Secrets, tmp_path: Path
) -> None:
    """A build fails by the secret's name, and does not wait for ever."""
    await secrets.put(SHOP, "npm", CANARY, by="alice")
    elsewhere = Secrets(bus.log, bus.blobs, KeyFile(tmp_path / "none"))

    with pytest.raises(SecretUnreadable, match=r"npm of alice/shop.*key.*secrets set"):
        await opened(elsewhere)
    assert not (tmp_path / "none").exists()

    [sealed] = await facts(bus)
    await bus.blobs.delete(sealed.fact.sealed)
    with pytest.raises(SecretUnreadable, match="npm of alice/shop") as raised:
        await opened(secrets)
    assert isinstance(raised.value.__cause__, BlobMissing)


async def test_loose_keys_stop_setting_and_opening(secrets: Secrets) -> None:
    """What others may have read seals nothing more until somebody has looked."""
    await secrets.put(SHOP, "npm", b"one", by="alice")
    secrets.keys.path.chmod(0o644)

    with pytest.raises(KeysUnsafe):
        await opened(secrets)
    with pytest.raises(KeysUnsafe):
        await secrets.put(SHOP, "npm", b"two", by="alice")


async def test_previews_get_a_secret_only_where_it_says_so(secrets: Secrets) -> None:
    """The project's own word goes before its tenant's; a new key changes nothing of it."""
    project, tenant = Scope("local", "alice/shop", "alice/shop"), Scope("local", "alice")
    await secrets.put(tenant, "npm", b"of all", by="a", environments=("production", "previews"))
    place = ("local", "alice/shop", "alice", "npm")
    assert await secrets.open(*place, "pr-7") == b"of all"

    await secrets.put(project, "npm", b"own", by="a")
    assert await secrets.open(*place, "pr-7") is None
    assert await secrets.open(*place) == b"own"

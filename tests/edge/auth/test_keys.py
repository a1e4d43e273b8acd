"""Keys: the file, the facts, and a rotation that nobody notices."""

import asyncio
import base64
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import msgspec
import pytest

from bus.connection import Bus
from bus.keyfolder import KeysUnsafe
from edge.auth.jwks import Jwks
from edge.auth.keys import KeyUnknown
from edge.auth.settings import AuthSettings
from edge.auth.signing import NAME, SigningDamaged, SigningFile, new_key
from schemas.events.key import KeyPublished, KeyRetired
from tests.edge.auth.office import HOST, office, sign_in
from tests.edge.auth.test_desk import facts, who


async def test_the_first_sign_in_makes_the_key(bus: Bus, tmp_path: Path) -> None:
    """0600 in a folder of 0700, its public half in the log before anything is signed by it."""
    async with office(bus, tmp_path / "keys") as auth:
        assert auth.desk.keys.jwks() == {"keys": []}
        tokens = await asyncio.gather(*(sign_in(auth, attempt=f"s{n}") for n in range(5)))

        assert all(who(auth, token) for token in tokens)
    file = tmp_path / "keys" / NAME
    (published,) = await facts(bus, KeyPublished)
    (key,) = SigningFile(tmp_path / "keys").read()
    assert (file.stat().st_mode & 0o777, file.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert published == key.public()
    private = base64.b64encode(key.private).decode()
    assert private in file.read_text()
    assert private not in f"{key}{published}"


async def test_a_rotation_signs_nobody_out(bus: Bus, tmp_path: Path) -> None:
    """What the old key signed stays good; the new one signs once everybody has heard of it."""
    async with office(bus, tmp_path / "keys", settled=timedelta(hours=1)) as auth:
        before = await sign_in(auth, attempt="before")
        fresh = await auth.desk.keys.rotate(by="github:Op")
        at_once = await sign_in(auth, attempt="at once")
    async with office(bus, tmp_path / "keys") as auth:  # to which the new key is settled
        await auth.book.reached(await bus.log.head())
        after = await sign_in(auth, attempt="after")
        kids = [jwt.get_unverified_header(token)["kid"] for token in (before, at_once, after)]

        assert [who(auth, token) is not None for token in (before, at_once, after)] == [True] * 3
        assert kids[0] == kids[1] != kids[2] == fresh
        old = kids[0]
        await auth.desk.keys.retire(old, by="github:Op", reason="leaked")
        await auth.desk.keys.retire(old, by="github:Op", reason="leaked")
        assert [who(auth, token) is not None for token in (before, at_once, after)] == [
            False,
            False,
            True,
        ]
        assert [key["kid"] for key in auth.desk.keys.jwks()["keys"]] == [fresh]
        with pytest.raises(KeyUnknown):
            await auth.desk.keys.retire("nobody's", by="github:Op", reason="")
    assert await facts(bus, KeyRetired) == [KeyRetired("leaked")]


async def test_an_outlived_key_is_retired_and_forgotten(bus: Bus, tmp_path: Path) -> None:
    """Once its successor has signed for as long as a session lives; never the newest."""
    none = AuthSettings(session_hours=0)
    async with office(bus, tmp_path / "keys", none) as auth:
        await sign_in(auth)
        assert await auth.desk.keys.retire_outlived() == []
        (first,) = SigningFile(tmp_path / "keys").read()
        second = await auth.desk.keys.rotate(by="github:Op")

        assert await auth.desk.keys.retire_outlived() == [first.kid]
        assert await auth.desk.keys.retire_outlived() == []
        assert [key.kid for key in SigningFile(tmp_path / "keys").read()] == [second]
    patient = AuthSettings(session_hours=1)
    async with office(bus, tmp_path / "keys", patient) as auth:
        await auth.book.reached(await bus.log.head())
        await auth.desk.keys.rotate(by="github:Op")
        assert await auth.desk.keys.retire_outlived() == []


async def test_a_retired_key_never_signs_again(bus: Bus, tmp_path: Path) -> None:
    """Though its file is there still: the next sign-in makes another."""
    async with office(bus, tmp_path / "keys") as auth:
        await sign_in(auth, attempt="a")
        (key,) = SigningFile(tmp_path / "keys").read()
        await auth.desk.keys.retire(key.kid, by="github:Op", reason="leaked")
        token = await sign_in(auth, attempt="b")

        assert who(auth, token) is not None
        assert jwt.get_unverified_header(token)["kid"] != key.kid


async def test_the_public_keys_are_there_for_everybody(bus: Bus, tmp_path: Path) -> None:
    """By them alone, whoever reads them verifies our tokens with any library."""
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {}

    async with office(bus, tmp_path / "keys") as auth:
        token = await sign_in(auth)
        await Jwks(auth.desk.keys)({}, receive, send)
    body = sent[1]["body"]
    (key,) = jwt.PyJWKSet.from_json(body).keys
    said = jwt.decode(token, key, algorithms=["ES256"], audience=HOST)

    assert sent[0]["status"] == 200
    assert said["iss"] == "http://system.localhost"
    assert set(said) == {"iss", "aud", "sub", "sid", "iat", "nbf", "exp"}
    (plain,) = msgspec.json.decode(body)["keys"]
    assert set(plain) == {"kty", "crv", "use", "alg", "kid", "x", "y"}  # and no "d"


def test_a_file_that_others_reach_is_refused(tmp_path: Path) -> None:
    """And the error says what to do, with the command that makes new ones."""
    file = SigningFile(tmp_path / "keys")
    file.first()
    (tmp_path / "keys" / NAME).chmod(0o640)

    with pytest.raises(KeysUnsafe, match=r"chmod 600 .*pushline keys rotate"):
        file.read()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "empty": lambda _: b"",
    "cut": lambda body: body[:-20],
    "none": lambda _: b"[]",
    "another size": lambda _: (
        b'[{"kid":"a","created":"2026-01-01T00:00:00Z","private":"c2VjcmV0"}]'
    ),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_file_says_so_and_shows_nothing_of_it(tmp_path: Path, how: str) -> None:
    """It is no key, and no reason to go on with a new one unasked."""
    file = SigningFile(tmp_path / "keys")
    (key,) = file.first()
    path = tmp_path / "keys" / NAME
    path.write_bytes(DAMAGE[how](path.read_bytes()))

    with pytest.raises(SigningDamaged) as raised:
        file.read()
    assert base64.b64encode(key.private).decode()[:12] not in str(raised.value)
    assert "c2Vj" not in str(raised.value)


def test_of_two_first_keys_one_wins(tmp_path: Path) -> None:
    """Two processes begin at the same moment; ids are of the key itself."""
    one, other = SigningFile(tmp_path / "keys"), SigningFile(tmp_path / "keys")

    assert one.first() == other.first() == one.read()
    assert len({new_key().kid for _ in range(20)}) == 20

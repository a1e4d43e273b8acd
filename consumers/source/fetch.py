"""One commit by smart HTTP (protocol 0), shallow, within limits of bytes and time.

The requests are our own, so that the deadline ends them, no credentials follow a redirect to
another host, and no answer is larger than what was allowed. See gitprotocol-http(5).
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urljoin, urlsplit

import aiohttp
import msgspec

from bus.blocking import run_blocking
from consumers.source.limits import Deadline, Refused, SourceSettings, refused
from consumers.source.pack import Objects, unpack
from consumers.source.remote import Remote
from schemas.errors import SourceUnavailable

REFS_BYTES: Final = 32 * 1024 * 1024
REDIRECTS: Final = 3
AGENT: Final = "pushline"
DENIED: Final = {
    401: "the forge refused our credentials",
    403: "the forge does not let us in",
    404: "the forge does not know the repository, or hides it from us",
    410: "the repository is gone",
}
_REFUSAL = re.compile(
    r"not our ref|no such|not found|unadvertised|wants? invalid|missing", re.IGNORECASE
)


class Commit(msgspec.Struct, frozen=True):
    """A commit's id and every object below it."""

    sha: str
    objects: Objects


@dataclass(slots=True)
class Advert:
    """What a forge says at info/refs."""

    refs: dict[str, str] = field(default_factory=dict)
    abilities: frozenset[str] = frozenset()

    @property
    def format(self) -> str:
        """Return the repository's hash, in git's word."""
        return "sha256" if "object-format=sha256" in self.abilities else "sha1"

    def hands_out(self, sha: str) -> bool:
        """Tell whether ``sha`` may be asked for."""
        any_reachable = {"allow-reachable-sha1-in-want", "allow-any-sha1-in-want"}
        return sha in self.refs.values() or bool(any_reachable & self.abilities)


async def fetch(
    remote: Remote, branch: str, sha: str, limits: SourceSettings, *, ref: str = ""
) -> Commit:
    """Return the commit ``sha``, or the head of ``branch`` for an empty one.

    ``ref`` is what the forge calls it where it is no branch of this repository.
    Raises Refused where asking again is of no use, SourceUnavailable where it may be.
    """
    try:
        async with asyncio.timeout(limits.fetch_seconds), _session(remote) as session:
            fetching = _Fetching(remote, session, limits)
            return await fetching.run(branch, sha, ref or f"refs/heads/{branch}")
    except TimeoutError as error:
        message = f"the forge took longer than {limits.fetch_seconds:g} s"
        raise SourceUnavailable(message) from error
    except (aiohttp.ClientError, OSError) as error:
        host = urlsplit(remote.url).netloc
        raise SourceUnavailable(f"{host} did not answer: {type(error).__name__}") from error


@asynccontextmanager
async def _session(remote: Remote) -> AsyncIterator[aiohttp.ClientSession]:
    connector = (
        aiohttp.UnixConnector(str(remote.socket)) if remote.socket else aiohttp.TCPConnector()
    )
    # A compressed answer could unfold without end, so none is asked for.
    headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **remote.headers}
    async with aiohttp.ClientSession(
        connector=connector, headers=headers, auto_decompress=False
    ) as session:
        yield session


@dataclass(slots=True)
class _Fetching:
    remote: Remote
    session: aiohttp.ClientSession
    limits: SourceSettings
    url: str = ""

    async def run(self, branch: str, sha: str, ref: str) -> Commit:
        self.url = self.remote.url
        advert = await self.advert()
        if not sha and ref not in advert.refs:
            raise refused("branch_gone", f"the branch {branch} is gone", "push it again")
        wanted = sha or advert.refs[ref]
        objects: Objects = {}
        if advert.hands_out(wanted):
            objects = await self.objects(advert, wanted, 1)
        if wanted not in objects and ref in advert.refs:
            # The branch went on, and this forge hands out heads only: look below the head.
            objects = await self.objects(advert, advert.refs[ref], self.limits.depth)
        if wanted not in objects:
            message = f"the forge does not hand out the commit {wanted}"
            raise refused("commit_gone", message, "push the branch again")
        return Commit(wanted, objects)

    async def advert(self) -> Advert:
        for _ in range(REDIRECTS + 1):
            url = f"{self.url}/info/refs?service=git-upload-pack"
            async with self.session.get(url, allow_redirects=False) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    self.url = self.redirected(url, answer.headers.get("Location", ""))
                    continue
                self.check(answer, "application/x-git-upload-pack-advertisement")
                return parse_advert(await self.body(answer, REFS_BYTES))
        raise refused("source_refused", "the forge redirects without end")

    def redirected(self, url: str, location: str) -> str:
        target = urljoin(url, location)
        old, new = urlsplit(url), urlsplit(target)
        tail = "/info/refs"
        same = (new.scheme, new.netloc) == (old.scheme, old.netloc)
        # http to https on the ports they have by default is the same host, better guarded.
        secured = (old.scheme, new.scheme) == ("http", "https") and new.netloc == old.hostname
        if not (same or secured) or not new.path.endswith(tail):
            message = f"the forge redirects to {new.scheme}://{new.netloc}, which is not followed"
            raise refused("source_refused", message, "use the repository's present address")
        return f"{new.scheme}://{new.netloc}{new.path.removesuffix(tail)}"

    def check(self, answer: aiohttp.ClientResponse, kind: str) -> None:
        if answer.status in DENIED:
            message = f"{DENIED[answer.status]} ({answer.status})"
            raise refused("source_refused", message, "give Pushline access to the repository")
        if answer.status != 200:
            raise SourceUnavailable(f"the forge answered {answer.status}")
        if answer.content_type != kind:
            message = f"{urlsplit(self.url).netloc} answers with {answer.content_type}, not git's"
            raise refused("source_refused", message, "check the repository's address")

    async def body(self, answer: aiohttp.ClientResponse, limit: int) -> bytes:
        found = bytearray()
        async for part in answer.content.iter_any():
            found += part
            if len(found) > limit:
                message = f"the forge sends more than {limit} bytes"
                raise refused("source_too_large", message, "make the repository smaller")
        return bytes(found)

    async def objects(self, advert: Advert, sha: str, depth: int) -> Objects:
        asked = {"ofs-delta", "side-band-64k", "no-progress", "shallow", "object-format=sha256"}
        words = " ".join(sorted(asked & advert.abilities))
        lines = [f"want {sha} {words} agent={AGENT}\n"]
        if "shallow" in advert.abilities:
            lines.append(f"deepen {depth}\n")
        request = b"".join(map(pkt, lines)) + b"0000" + pkt("done\n")
        headers = {
            "Content-Type": "application/x-git-upload-pack-request",
            "Accept": "application/x-git-upload-pack-result",
        }
        url = f"{self.url}/git-upload-pack"
        async with self.session.post(
            url, data=request, headers=headers, allow_redirects=False
        ) as answer:
            self.check(answer, "application/x-git-upload-pack-result")
            # 5 bytes around each 64 KiB, and a few lines before
            said = await self.body(answer, self.limits.pack_bytes * 101 // 100 + 65536)
        deadline = Deadline(self.limits.fetch_seconds)
        return await run_blocking(_objects, said, advert, self.limits, deadline)


def _objects(said: bytes, advert: Advert, limits: SourceSettings, deadline: Deadline) -> Objects:
    try:
        pack = parse_pack(said, sideband="side-band-64k" in advert.abilities)
    except Refused:
        return {}
    return unpack(pack, advert.format, limits, deadline)


def pkt(line: str) -> bytes:
    """Return one pkt-line."""
    return f"{len(line.encode()) + 4:04x}{line}".encode()


def packets(body: bytes) -> list[tuple[bytes | None, int]]:
    """Return each pkt-line, None for a flush, with the place where it ends."""
    found: list[tuple[bytes | None, int]] = []
    at = 0
    while at + 4 <= len(body):
        try:
            size = int(body[at : at + 4], 16)
        except ValueError:
            break
        if size < 4:
            at += 4
            found.append((None, at))
            continue
        if at + size > len(body):
            raise SourceUnavailable("the forge's answer is cut short")
        found.append((body[at + 4 : at + size], at + size))
        at += size
    return found


def parse_advert(body: bytes) -> Advert:
    """Return the refs and abilities of an answer to info/refs."""
    advert = Advert()
    for line, _ in packets(body):
        if line is None or line.startswith(b"#"):
            continue
        text, _, abilities = line.decode("utf-8", "replace").rstrip("\n").partition("\0")
        if text.startswith("ERR "):
            raise refused("source_refused", f"the forge says: {text[4:200]}")
        if abilities:
            advert.abilities = frozenset(abilities.split())
        sha, _, name = text.partition(" ")
        if name and name != "capabilities^{}":
            advert.refs[name] = sha
    return advert


def parse_pack(body: bytes, *, sideband: bool) -> bytes:
    """Return the pack in an answer to git-upload-pack.

    Raises Refused when the forge does not hand out what was asked for.
    """
    pack = bytearray()
    for line, end in packets(body):
        if line is None or line.startswith((b"shallow ", b"unshallow ")):
            continue
        if line.startswith(b"ERR "):
            _complain(line[4:])
        elif line.startswith((b"NAK", b"ACK ")):
            if not sideband:
                return body[end:]
        elif line[:1] == b"\x01":
            pack += line[1:]
        elif line[:1] == b"\x03":
            _complain(line[1:])
    return bytes(pack)


def _complain(said: bytes) -> None:
    text = said.decode("utf-8", "replace").strip()[:200]
    if _REFUSAL.search(text):
        raise refused("commit_gone", f"the forge says: {text}")
    raise SourceUnavailable(f"the forge says: {text}")

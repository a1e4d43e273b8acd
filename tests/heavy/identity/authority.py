"""What the played providers share: clients, codes of one use, PKCE, and a page to approve on.

Strict: what the documentation would refuse is refused, and what no careful client does (a secret
in a URL, no PKCE) is a fault, which fails the test at its end.
"""

import base64
import hashlib
import html
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, urlencode, urlsplit

from aiohttp import web

CODE_LIFE = 600.0  # seconds


class NotTaken(Exception):
    """An authorization request that is shown to its user as an error, and leads nowhere."""


@dataclass(frozen=True)
class Client:
    """An application that an operator has registered."""

    id: str
    secret: str
    redirects: tuple[str, ...]


@dataclass(frozen=True)
class Account:
    """Somebody who has an account there."""

    id: int
    login: str
    groups: dict[str, str] = field(default_factory=dict)  # group: role, or level


@dataclass
class Ticket:
    """An authorization request that was found good, and the code it leads to."""

    client: str
    redirect: str
    state: str
    challenge: str
    scopes: frozenset[str]
    nonce: str = ""
    login: str = ""
    made: float = 0.0
    used: bool = False


class Authority:
    """The part of an OAuth server that all three have."""

    label = "Provider"

    def __init__(self) -> None:
        self.url = ""
        self.clients: dict[str, Client] = {}
        self.accounts: dict[str, Account] = {}
        self.asked: dict[str, Ticket] = {}  # shown to their user
        self.codes: dict[str, Ticket] = {}
        self.tokens: dict[str, Ticket] = {}
        self.gone: list[str] = []  # tokens that were given back
        self.faults: list[str] = []
        self.down = 0  # status of every answer; 0: as it should be
        self.calls: list[str] = []

    def client(self, id: str, *redirects: str) -> Client:
        """Register a client; return it with its secret."""
        self.clients[id] = Client(id, secrets.token_hex(20), redirects)
        return self.clients[id]

    def account(self, id: int, login: str, **groups: str) -> Account:
        """Add somebody; groups by name, in which ``__`` is a slash."""
        spelled = {name.replace("__", "/"): role for name, role in groups.items()}
        self.accounts[login] = Account(id, login, spelled)
        return self.accounts[login]

    def authorize(self, query: Mapping[str, str]) -> str:
        """Return the id of a request that its user is asked about; NotTaken for a bad one."""
        client = self.clients.get(query.get("client_id", ""))
        if client is None:
            raise NotTaken("no such client")
        if query.get("redirect_uri") not in client.redirects:
            raise NotTaken(f"redirect_uri {query.get('redirect_uri')} is not registered")
        if query.get("code_challenge_method") != "S256" or len(query["code_challenge"]) != 43:
            self.fault("no PKCE by S256")
        if len(query.get("state", "")) < 32:
            self.fault(f"a state that can be guessed: {query.get('state')}")
        id = secrets.token_hex(8)
        self.asked[id] = Ticket(
            client=client.id,
            redirect=query["redirect_uri"],
            state=query.get("state", ""),
            challenge=query.get("code_challenge", ""),
            scopes=frozenset(query.get("scope", "").split()),
            nonce=query.get("nonce", ""),
        )
        return id

    def approve(self, asked: str, login: str) -> str:
        """Return where the browser goes once this user has approved; "" for a refusal."""
        ticket = self.asked.pop(asked)
        if not login:
            said = {"error": "access_denied", "state": ticket.state}
        else:
            code = secrets.token_hex(10)
            ticket.login, ticket.made = login, time.monotonic()
            self.codes[code] = ticket
            said = {"code": code, "state": ticket.state}
        return f"{ticket.redirect}?{urlencode({**said, **self.also_said()})}"

    def also_said(self) -> dict[str, str]:
        """Return what else comes back with the browser."""
        return {}

    def visit(self, url: str, login: str) -> dict[str, str]:
        """Do what a browser and its user do; return what comes back."""
        asked = self.authorize(_single(url))
        return _single(self.approve(asked, login))

    def redeemed(self, form: Mapping[str, str]) -> Ticket | None:
        """Return what a code stands for: once, soon, for its client, with its verifier."""
        ticket = self.codes.get(form.get("code", ""))
        if ticket is None or ticket.used or time.monotonic() - ticket.made > CODE_LIFE:
            return None
        ticket.used = True
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proven = base64.urlsafe_b64encode(digest).rstrip(b"=").decode() == ticket.challenge
        same = ticket.client == form.get("client_id") and ticket.redirect == form["redirect_uri"]
        return ticket if proven and same else None

    def issue(self, ticket: Ticket) -> str:
        """Return a token that stands for a ticket."""
        token = f"{self.label.lower()}-token-{secrets.token_hex(16)}"
        self.tokens[token] = ticket
        return token

    def fault(self, what: str) -> None:
        """Note what no careful client does."""
        self.faults.append(f"{self.label}: {what}")

    async def show(self, request: web.Request) -> web.Response:
        """Ask the browser's user who they are, and whether they approve."""
        try:
            asked = self.authorize(request.query)
        except NotTaken as error:
            return web.Response(status=400, text=f"{self.label}: {error}")
        links = "".join(
            f'<p><a href="/approve?{urlencode({"asked": asked, "login": login})}">'
            f"{html.escape(f'Approve as {login}')}</a>"
            for login in self.accounts
        )
        page = f"<title>{self.label}</title>{links}<p><a href='/approve?asked={asked}'>Deny</a>"
        return web.Response(text=page, content_type="text/html")

    async def approved(self, request: web.Request) -> web.Response:
        """Send the browser back."""
        raise web.HTTPFound(self.approve(request.query["asked"], request.query.get("login", "")))


def bearer(request: web.Request) -> str:
    """Return the token of a request, which stands in its header and nowhere else."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token if scheme.lower() == "bearer" else ""


def page_of(request: web.Request, rows: list[dict[str, object]], most: int = 100) -> web.Response:
    """Return a page of a list, with Link as the forges send it."""
    size = min(int(request.query.get("per_page", "20")), most)
    number = int(request.query.get("page", "1"))
    part = rows[(number - 1) * size : number * size]
    links = []
    if number * size < len(rows):
        after = request.url.update_query(page=str(number + 1))
        last = request.url.update_query(page=str(-(-len(rows) // size)))
        links = [f'<{after}>; rel="next"', f'<{last}>; rel="last"']
    if number > 1:
        links.insert(0, f'<{request.url.update_query(page=str(number - 1))}>; rel="prev"')
    return web.json_response(part, headers={"Link": ", ".join(links)} if links else {})


def _single(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}

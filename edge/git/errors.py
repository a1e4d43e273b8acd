"""What the forge says no with; each message is a sentence for the person at the terminal."""

from schemas.errors import GiveUp


class ProtocolBroken(GiveUp):
    """The client does not speak git's protocol as documented."""

    code = "git_protocol_broken"


class ClientGone(GiveUp):
    """The client closed the connection before its request was whole."""

    code = "git_client_gone"


class PackRefused(GiveUp):
    """The pushed objects are damaged, too large or not whole; nothing of them was kept."""

    code = "git_pack_refused"

"""A client of BuildKit for asyncio: see README.md beside this file."""

from consumers.builder.buildkit.archive import TarContext
from consumers.builder.buildkit.client import Client
from consumers.builder.buildkit.contexts import Context, Tree
from consumers.builder.buildkit.errors import (
    BuildkitError,
    ContextInvalid,
    Denied,
    OutputRefused,
    SolveFailed,
    TooOld,
    Unavailable,
)
from consumers.builder.buildkit.folder import FolderContext
from consumers.builder.buildkit.ignorefile import read_ignore_file
from consumers.builder.buildkit.progress import Log, Progress, Status, Vertex, Warning  # noqa: A004
from consumers.builder.buildkit.receiving import Receiver, ToFile, ToFolder
from consumers.builder.buildkit.records import Info, Usage, Worker
from consumers.builder.buildkit.request import Cache, Export, Result, Solve
from consumers.builder.buildkit.session import Credentials, Secrets, Session

__all__ = [
    "BuildkitError",
    "Cache",
    "Client",
    "Context",
    "ContextInvalid",
    "Credentials",
    "Denied",
    "Export",
    "FolderContext",
    "Info",
    "Log",
    "OutputRefused",
    "Progress",
    "Receiver",
    "Result",
    "Secrets",
    "Session",
    "Solve",
    "SolveFailed",
    "Status",
    "TarContext",
    "ToFile",
    "ToFolder",
    "TooOld",
    "Tree",
    "Unavailable",
    "Usage",
    "Vertex",
    "Warning",
    "Worker",
    "read_ignore_file",
]

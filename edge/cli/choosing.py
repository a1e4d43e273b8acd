"""The options that choose events, the same for all who show some."""

from typing import Annotated, TypeAlias

from cyclopts import Parameter

ProjectOption: TypeAlias = Annotated[
    str, Parameter(help="Only of this project, owner/name; several between commas.")
]
ActorOption: TypeAlias = Annotated[
    str, Parameter(help="Only what this one did: a login, or a consumer.")
]
KindOption: TypeAlias = Annotated[
    str, Parameter(name=["--kind", "--type"], help="Only these facts: 'run.*', run.built.")
]
SinceOption: TypeAlias = Annotated[
    str, Parameter(help="Only what is younger: 45s, 10m, 2h, 3d, or a time with its zone.")
]
UntilOption: TypeAlias = Annotated[
    str, Parameter(help="Only what is older: written as --since; with --follow, when to end.")
]
AfterOption: TypeAlias = Annotated[
    int | None, Parameter(help="Only what comes after this sequence: resume behind the last line.")
]

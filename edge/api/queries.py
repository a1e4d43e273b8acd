"""The query parameters that several paths share, as OpenAPI tells of them."""

from typing import Annotated, TypeAlias

from litestar.params import QueryParameter

After: TypeAlias = Annotated[
    int,
    QueryParameter(ge=0, description="wait until what is read is true at this sequence of the log"),
]
Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=500, description="at most so many")]
Cursor: TypeAlias = Annotated[
    str, QueryParameter(description="of the page before; empty: the first page")
]

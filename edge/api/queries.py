"""What handlers share: who asks, and the query parameters as OpenAPI tells of them."""

from typing import Annotated, TypeAlias

from litestar.di import NamedDependency
from litestar.params import QueryParameter, SkipValidation

from edge.auth.asking import Asking

Asks: TypeAlias = NamedDependency[SkipValidation[Asking]]  # by edge.api.access
After: TypeAlias = Annotated[
    int,
    QueryParameter(ge=0, description="wait until what is read is true at this sequence of the log"),
]
Limit: TypeAlias = Annotated[int, QueryParameter(ge=1, le=500, description="at most so many")]
Cursor: TypeAlias = Annotated[
    str, QueryParameter(description="of the page before; empty: the first page")
]

"""A live function, for tests of what is said of one."""

from edge.api.functions import Function


def row(owner: str, function: str) -> Function:
    """Return a function in production."""
    return Function(
        forge="github",
        project="1",
        name=f"{owner}/fns",
        label=owner.lower(),
        environment="production",
        function=function,
        revision="r",
        sha="04b8e44",
    )

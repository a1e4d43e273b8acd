"""Pages of lists, with Link as GitHub sends it."""

from typing import Any

from aiohttp import web

from tests.heavy.forges.github.doors import Said


def page_of(request: web.Request, rows: list[Any], key: str = "") -> web.Response:
    """Return a page of a list, 30 rows unless more are asked for; ``key`` wraps it."""
    try:
        size = max(1, min(int(request.query.get("per_page", "30")), 100))
        number = max(1, int(request.query.get("page", "1")))
    except ValueError:
        raise Said(422, "Invalid page") from None
    part = rows[(number - 1) * size : number * size]
    links = []
    if number * size < len(rows):
        last = -(-len(rows) // size)
        pages = (("next", number + 1), ("last", last))
        links = [f'<{request.url.update_query(page=n)}>; rel="{rel}"' for rel, n in pages]
    if number > 1:
        links.insert(0, f'<{request.url.update_query(page=number - 1)}>; rel="prev"')
    body = {"total_count": len(rows), key: part} if key else part
    return web.json_response(body, headers={"Link": ", ".join(links)} if links else {})

"""Pages of lists, by offset or keyset, with Link and the X- headers as GitLab sends them.

https://docs.gitlab.com/api/rest/#pagination
"""

from typing import Any

from aiohttp import web

from tests.heavy.forges.gitlab.doors import Said


def page_of(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    """Return a page of a list, 20 rows unless more are asked for, 100 at most."""
    if request.query.get("pagination") == "keyset":
        return _after(request, rows)
    size, number = _number(request, "per_page", 20), _number(request, "page", 1)
    size = min(size, 100)
    pages = max(1, -(-len(rows) // size))
    wanted = {"first": 1, "last": pages}
    if number > 1:
        wanted["prev"] = number - 1
    if number < pages:
        wanted["next"] = number + 1
    links = [
        f'<{request.url.update_query(page=page, per_page=size)}>; rel="{rel}"'
        for rel, page in wanted.items()
    ]
    headers = {
        "Link": ", ".join(links),
        "X-Page": str(number),
        "X-Per-Page": str(size),
        "X-Total": str(len(rows)),
        "X-Total-Pages": str(pages),
        "X-Next-Page": str(number + 1) if number < pages else "",
        "X-Prev-Page": str(number - 1) if number > 1 else "",
    }
    return web.json_response(rows[(number - 1) * size : number * size], headers=headers)


def _after(request: web.Request, rows: list[dict[str, Any]]) -> web.Response:
    """Return what follows an id: no page is missed or seen twice while rows come and go."""
    if request.query.get("order_by") != "id":
        raise Said(405, "", error="Keyset pagination is not yet available for this type of request")
    falling = request.query.get("sort", "desc") == "desc"
    rows = sorted(rows, key=lambda row: int(row["id"]), reverse=falling)
    start = request.query.get("id_before" if falling else "id_after")
    if start is not None:
        last = int(start)
        rows = [row for row in rows if (row["id"] < last if falling else row["id"] > last)]
    size = min(_number(request, "per_page", 20), 100)
    part, headers = rows[:size], {}
    if len(rows) > size:
        key = "id_before" if falling else "id_after"
        url = request.url.update_query({key: str(part[-1]["id"])})
        headers = {"Link": f'<{url}>; rel="next"'}
    return web.json_response(part, headers=headers)


def _number(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not text.isdigit() or int(text) < 1:
        raise Said(400, "", error=f"{name} does not have a valid value")
    return int(text)

"""The text about one commit, or about one of its functions."""

from consumers.status.standing import FunctionStanding, Links, Standing, Text
from consumers.status.texts import stack
from consumers.status.texts.annotations import annotations
from consumers.status.texts.inert import cell, code, fenced, line
from consumers.status.texts.logs import framed
from consumers.status.texts.parts import joined
from consumers.status.texts.words import FAILED, address, description, origin, stage, state, took


def render(at: Standing, *, function: str = "", links: Links, log: str = "") -> Text:
    """Return what people are to read; ``log``: what the function's build wrote."""
    one = at.function(function) if function else None
    if one is None:
        return Text(
            title=line(f"Deploy to {at.environment}: {state(at)}"),
            summary=stack.summary(at, links),
            description=description(at, None),
            annotations=annotations(at),
        )
    return Text(
        title=line(f"Build {one.name}: {stage(one)}"),
        summary=_summary(at, one, links),
        description=description(at, one),
        text=framed(log or "\n".join(one.tail)),
    )


def _summary(at: Standing, one: FunctionStanding, links: Links) -> str:
    parts = [_first(at, one, links)]
    if one.message and one.stage in FAILED:
        parts.append(fenced(stack.bounded(one.message)))
    if steps := _steps(at, one):
        parts.append("| step | took |\n| --- | --- |\n" + "\n".join(steps))
    return joined([*parts, _facts(at, one), stack.more(at, links)])


def _first(at: Standing, one: FunctionStanding, links: Links) -> str:
    if one.stage == "live":
        return f"**{code(one.name)} is live** at {address(links.function(at, one.name))}"
    if one.stage == "deploy-failed":
        return f"**{code(one.name)} does not start**; what ran before still runs"
    if one.stage == "stopped":
        return f"**{code(one.name)} is not deployed**: its run ended before that"
    return f"**{code(one.name)}**: {stage(one)}"


def _steps(at: Standing, one: FunctionStanding) -> list[str]:
    """Return the rows of what has been done and how long that took."""
    failed = one.stage == "build-failed"
    built = one.ended if failed else one.built
    fetched = "" if at.again else took(at.queued, at.resolved)
    times = [("wait and fetch", fetched)]
    if at.again or one.cached:
        times.append(("build", "nothing: the image was there" if one.built else ""))
    else:
        times.append(("build", took(one.build_started or one.archived, built)))
    times.append(("start", took(one.deploy_started, None if failed else one.ended)))
    return [f"| {step} | {time} |" for step, time in times if time]


def _facts(at: Standing, one: FunctionStanding) -> str:
    said = [f"- {origin(at)}"]
    if one.image:
        said.append(f"- Image {cell(one.reference or one.image, 300)}")
    if one.revision:
        said.append(f"- Revision {code(one.revision)}")
    if one.code:
        explained = code(f"pushline explain {one.code}")
        said.append(f"- Error {code(one.code)}; {explained} tells more")
    return "\n".join(said)

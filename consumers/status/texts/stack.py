"""The summary of a whole commit: its functions, or why it has none. Markdown."""

from typing import Final

from consumers.status.standing import FunctionStanding, Links, Standing
from consumers.status.texts.inert import cell, code, fenced, line, link
from consumers.status.texts.parts import joined
from consumers.status.texts.words import FAILED, STAGES, address, counted, origin, took

ROWS: Final = 60  # functions, problems or warnings that are shown
LONGEST: Final = 2000  # characters of one message


def summary(at: Standing, links: Links) -> str:
    """Return what came of a commit, and where more is to be read."""
    parts = [first(at), *reasons(at)]
    if at.functions:
        parts.append(table(at, links))
    parts += failures(at)
    if at.warnings:
        told = "\n".join(line(str(one), LONGEST) for one in at.warnings[:ROWS])
        parts.append(f"{counted(len(at.warnings), 'warning')}:\n\n{fenced(told)}")
    return joined([*parts, _facts(at), more(at, links)])


def first(at: Standing) -> str:
    """Return the sentence that says it all."""
    where, total = code(at.environment), counted(len(at.functions), "function")
    if at.state in ("live", "partly", "failed"):
        live = sum(one.stage == "live" for one in at.functions)
        if at.state != "live":
            return (
                f"**{live} of {total} live** in {where}; of the others, what ran before still does"
            )
        return f"**{total} {'is' if live == 1 else 'are'} live** in {where}{_again(at)}"
    if at.state in ("superseded", "cancelled"):
        return _stopped(at)
    return {
        "held": "**A member has to approve this commit of a fork.** Until then nothing of it is "
        "fetched, built or given a secret.",
        "queued": f"**Queued** for {where}",
        "empty": f"**Nothing to deploy**: this commit has no function for {where}",
        "refused": "**This commit gets no preview.**",
        "rejected": "**This commit cannot be deployed.** What ran before still runs.",
    }.get(at.state, f"**On its way** to {where}")


def reasons(at: Standing) -> list[str]:
    """Return why it is not live, as far as that is not one function's doing."""
    if at.problems:
        return [_problems(at)]
    if at.message and at.over and not failed(at):
        return [fenced(bounded(at.message))]
    if at.delayed and not at.over:
        return [f"It waits, and goes on by itself: {code(at.delayed)}"]
    return []


def table(at: Standing, links: Links) -> str:
    """Return the functions with what each step took, and where each answers."""
    rows = [_row(at, one, links) for one in at.functions[:ROWS]]
    head = "| function | state | build | start | address |\n| --- | --- | --- | --- | --- |\n"
    left = len(at.functions) - len(rows)
    return head + "\n".join(rows) + (f"\n\n… and {left} more" if left else "")


def more(at: Standing, links: Links) -> str:
    """Return where a run, and what its builds wrote, is to be read."""
    if not at.run:
        return ""
    run = link("Run", links.run(at.run))
    return run if at.again else f"{run} · {link('Build logs', links.log(at.run))}"


def bounded(text: str) -> str:
    """Return a message that leaves room for others."""
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _row(at: Standing, one: FunctionStanding, links: Links) -> str:
    live = one.stage == "live"
    built = one.ended if one.stage == "build-failed" else one.built
    build = took(one.build_started or one.archived, built)
    if one.cached and one.built:
        build = "unchanged"
    start = took(one.deploy_started, one.ended if live else None)
    where = address(links.function(at, one.name)) if live else ""
    return f"| {cell(one.name)} | {STAGES[one.stage]} | {build} | {start} | {where} |"


def _again(at: Standing) -> str:
    if not at.again:
        return ""
    if any(one.back for one in at.functions):
        return ", rolled back to what run " + code(at.promotes) + " built"
    return f", promoted from run {code(at.promotes)}: nothing was built"


def _stopped(at: Standing) -> str:
    if at.state == "cancelled":
        who = f" by {code(at.by)}" if at.by else ""
        return f"**Cancelled**{who} before anything of it was deployed"
    if at.moved:
        return f"**Superseded**: its branch was at {code(at.moved[:7])} by then"
    newer = f" by run {code(at.by)}" if at.by else ""
    return f"**Superseded**{newer}: a newer commit goes to {code(at.environment)} in its place"


def _problems(at: Standing) -> str:
    told = [line(str(one), LONGEST) for one in at.problems[:ROWS]]
    if (left := len(at.problems) - len(told)) > 0:
        told.append(f"… and {counted(left, 'error')} more")
    return f"{counted(len(at.problems), 'error')}:\n\n" + fenced("\n".join(told))


def failures(at: Standing) -> list[str]:
    """Return why functions are not live."""
    return [
        f"{code(one.name)} {STAGES[one.stage]}:\n\n{fenced(bounded(one.message or one.code))}"
        for one in failed(at)[:ROWS]
    ]


def failed(at: Standing) -> list[FunctionStanding]:
    """Return the functions that did not come as far as they should."""
    return [one for one in at.functions if one.stage in FAILED]


def _facts(at: Standing) -> str:
    said = [f"- {origin(at)}"]
    if (fetched := took(at.queued, at.resolved)) and not at.again:
        said.append(f"- Waited and was fetched in {fetched}")
    if whole := took(at.queued, at.finished):
        said.append(f"- All of it took {whole}")
    return "\n".join(said)

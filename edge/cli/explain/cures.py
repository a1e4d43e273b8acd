"""Cures in words, where the hints that an error is raised with do not say enough."""

from typing import Final

ITSELF: Final = "nothing: it is tried again by itself"
OURS: Final = "a mistake of Pushline's own: report it with the lines around it in the log"

CURES: Final[dict[str, str]] = {
    "access_denied": "look at the user and password given, and at bus/permissions.py for the role",
    "blob_damaged": "restore the blob from a backup of the store; push again, it is built anew",
    "blob_missing": "restore the store of blobs; push again, what is missing is made anew",
    "blobs_unavailable": "bring the store back: runs go on by themselves; see `pushline doctor`",
    "build_failed": "`pushline run logs RUN` has the lines: mend the function, push again",
    "build_interrupted": "if the image's host is spelt right: push again once it answers",
    "build_too_long": "make the build smaller, or have the operator give builds more time",
    "call_under_way": "nothing: whoever calls is waited for, and after ten minutes taken for dead",
    "caller_gone": "nothing: whoever asked has closed the connection",
    "code_unknown": "`pushline explain` lists all codes",
    "comment_not_taken": "nothing: the pull request or its repository is gone there",
    "comment_refused": "`pushline doctor` says what is missing; a locked discussion takes none",
    "deletion_refused": "have the registry allow deletion, or clear it by its own means",
    "deploy_failed": "`pushline functions logs` tells what it said before it ended; push again",
    "device_waits": "open the address that `pushline login` prints, and approve it there",
    "engine_unavailable": "bring BuildKit or the Docker Engine back, the build goes on by itself",
    "event_missing": "drop its dead letter: what it points at is gone",
    "forge_silent": "bring the forge back, or its token; nothing is removed until it answers",
    "gateway_failed": "look at the gateway's own log; then redrive the dead letter, or push again",
    "git_body_too_large": "push less at once: remove large files from the history",
    "git_client_gone": "push again, over a connection that holds",
    "git_pack_refused": "`git fsck`, then push again; git-lfs is for large files",
    "git_protocol_broken": "push with git itself, of a version that is still kept up",
    "guard_misses": OURS,
    "id_reused": OURS,
    "image_not_ours": "leave the registry out of the image's name: Pushline chooses it",
    "internal": "redrive it after an update; if it fails again, report it with its stack",
    "key_gone": "put the old key back into the key file from a backup, or set the secret again",
    "key_invalid": "choose a name without dots and slashes at its ends",
    "log_unavailable": "look at the nats-server: `pushline doctor`; all goes on once it answers",
    "moment_invalid": "write a sequence, as 1842, or a time with its zone, as 2026-03-01T12:00:00Z",
    "not_claimed": ITSELF + "; the planner may be behind: `pushline doctor`",
    "object_missing": "it was collected, or the store was emptied: push again",
    "platform_unavailable": "look at what runs functions: `pushline doctor`; it is tried again",
    "quota_exceeded": "end previews, remove functions, or ask an operator: `pushline quotas set`",
    "registry_unavailable": "bring the registry back, runs go on by themselves",
    "route_invalid": "correct the annotation that the message names in stack.yml; push again",
    "run_unknown": "its log was cut: restore it, or push again",
    "sign_in_refused": "begin again from the sign-in page; if it stays, ask whoever runs Pushline",
    "sink_not_taken": "bring the sink back: it gets all that it missed, in order",
    "sink_too_much": "nothing: less is sent at once from then on",
    "source_unavailable": "the forge may be down; else look at its credentials, then push again",
    "stack_invalid": "correct the lines that the message names in stack.yml; push again",
    "status_not_taken": "nothing: the commit or its repository is gone there; push again if not",
    "status_refused": "`pushline doctor` says what is missing: a permission, a role, a scope",
    "stopped": "nothing: somebody ended it; start it again when it is wanted",
    "template_invalid": "the operator corrects the template that the message names",
    "too_many_attempts": "wait as long as Retry-After says, and use good credentials",
    "too_many_subjects": "name a project: less is read",
    "tool_missing": "install the program that the message names, or choose another lang",
    "undecodable": "update Pushline; if it stays, the log was damaged: restore it, or drop it",
}

# codes of dead letters that no error has: code, meaning, cure
OTHERS: Final = (
    (
        "attempts_used_up",
        "The worker ended in each attempt before it could say why: killed, or out of memory.",
        "look at the process's log at that time; give it more memory; then redrive it",
    ),
    (
        "terminated",
        "The server was told to deliver the message no more, and the worker's letter is not there.",
        "the reason beside it is the worker's: mend that, then redrive it",
    ),
)

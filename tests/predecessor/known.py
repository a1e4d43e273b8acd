"""The predecessor's weaknesses that are known, by number."""

from typing import Final

WEAKNESSES: Final[dict[int, str]] = {
    1: "The router let in whatever its auth service answered 400, 404 or 500 to",
    2: "The dashboard believed the first cookie, unverified; an undecodable one meant no auth",
    3: "Logs, metrics and functions of other tenants could be read by naming them",
    4: "Handlers, links and copied folders led out of the repository, to the platform's secrets",
    5: "Untrusted builds in a privileged engine without limits, with a cache for all",
    6: "Secrets by a prefix without its dash; their namespace was the user's to choose",
    7: "Owner a-b with c was owner a with b-c; forges shared names",
    8: "An error page of GitLab removed live functions; the webhook's token was not checked",
    9: "Sign-in without state, with open redirect, script injection, and tokens in cookie and log",
    10: "Signatures replayable, checked after fetching; endpoints within without authorisation",
    11: "A list of customers that could not be had: a crash, a 404's text, or strangers let in",
    12: "200 for what had failed; a rollout that nobody watched",
    13: "A failed checkout built whatever was there; older pushes finished last and won",
    14: "An outage of the log store, or of the network, ended deployments by a crash",
    15: "Deliveries were answered as accepted and lost when the queue refused them",
    16: "The owner's id was always 0",
    17: "Check runs made anew each time, and a crash when they could not be listed",
    18: "feature/master, and a tag, were taken for master; deletions were ignored",
    19: "Images named by a field that two functions could share",
    20: "The router buffered answers, lost Host and cancellation, and matched by prefixes",
    21: "Queries to Prometheus put together of what callers sent",
    22: "Owners compared with their case in one place and without in another",
    23: "Keys of logs made of unvalidated names; a missing log was an empty 200",
    24: "Logs cut in the middle of a letter, and longer than their limit",
    25: "A function without labels crashed the list; failed deletions counted as done",
    26: "Keys of two secrets collided; keys that were removed stayed",
    27: "Namespaces open without a password; a failed update was answered 200",
    28: "Addresses made by replacing every occurrence of a word",
}

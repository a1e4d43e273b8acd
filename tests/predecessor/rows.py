"""What the predecessor's own tests expected, row by row, and where we mean to differ."""

from typing import Final, NamedTuple


class Row(NamedTuple):
    """One row of its test vectors."""

    given: str
    expected: str
    unlike: str = ""  # why ours is another, and better


ROWS: Final[dict[str, Row]] = {
    "makeHandler: path": Row("system.<root> /dashboard", "the system's part answers"),
    "makeHandler: no sub-domain": Row(
        "example.xyz /dashboard", "400", "404: the host is well-formed, and nobody's"
    ),
    "makeHandler: slashes": Row(
        "/////dashboard", "it answers", "301 to the clean path, as its own server did before that"
    ),
    "makeHandler: root": Row("system.<root> /", "307", "the front page is there"),
    "router config": Row("port, upstream_url", "8081, 8080; a closing slash is kept"),
    "HMAC": Row("Store this string, key-goes-here", "holds; not for the first 4 of the key"),
    "HmacEnabled": Row(
        "validate_hmac of 0 or false", "nothing is verified", "verifying cannot be turned off"
    ),
    "ValidateCustomers": Row(
        "unset, true, 1, random; 0, false",
        "on; off",
        "nobody is let in until a list says so; * says everybody",
    ),
    "ValidateCustomerList": Row("five lists", "which have colliding names"),
    "Customers.Get": Row("openfaas, inlets in a file", "both are found, whatever the line ends"),
    "FormatServiceName": Row(
        "ExampleName/ExampleFunction",
        "examplename-ExampleFunction",
        "all in small letters: Kubernetes takes no others",
    ),
    "CreateServiceURL": Row(
        "a gateway and a suffix",
        "the suffix in the host",
        "an address is a setting, taken as it stands",
    ),
    "EventKey": Row(
        "refs/tags/simple-tag", "svc-simple-tag", "a tag is no branch: nothing is keyed on it"
    ),
    "image tags": Row(
        "four of image, registry and branch",
        "<registry>/<owner>/<repo>-<image>:<tag>-<branch>-<sha7>",
        "the function's name in the place of image:, which two may share; the pushed branch",
    ),
    "getImageName": Row("pushed to registry:31115", "pulled from 127.0.0.1:31115"),
    "validImage": Row("errors, blanks and names", "names alone are images"),
    "memory": Row(
        "30; none", "30m and 128m, or 30Mi and 128Mi", "Kubernetes' units everywhere; 256Mi"
    ),
    "CPU": Row("250; none", "250m; no limit"),
    "getConfig": Row("scaling_max_limit of 10; none", "10; 4"),
    "annotations": Row(
        "com.url; topic, schedule", "dropped; kept", "all arrive, save those that are ours"
    ),
    "readonly fs": Row("1; false", "true; false"),
    "secrets": Row("s1, s2 of alexellis", "alexellis-s1, alexellis-s2"),
    "github-event Handle": Row(
        "no kind, another kind, a stranger's push, setup_action=install",
        "its four texts",
        "of the kinds that mean nothing here the log says so in our words",
    ),
    "github-push": Row(
        "another branch; another kind",
        "skipped; refused",
        "a skipped push is recorded, and nobody is told of a success",
    ),
    "gitlab events": Row(
        "push, project_update, project_destroy; repository_update", "taken; not taken"
    ),
    "getUser": Row("exampleusername/exampleproject; a:b; none", "exampleusername; errors"),
    "visibility": Row("0, 10, 20", "private, private, public"),
    "filterBranchRef": Row(
        "some/format/master", "master", "the whole name: only the very branch is meant"
    ),
    "checkBranch": Row(
        "staging is built, development pushed",
        "skipped",
        "and nobody is told of a failure; with previews on it has its own environment",
    ),
    "getRawURL": Row(
        "a repository of either forge",
        "where its stack.yml can be looked at",
        "it comes with the very commit: what a forge's pages say may be minutes old",
    ),
    "clone URL": Row(
        "an id and a token",
        "https://id:token@host/path",
        "the same credentials in a header: no URL has them",
    ),
    "formatTemplateRepos": Row(
        "lists of repositories",
        "the default ones and those; errors",
        "templates come with a release, those that a stack names are its warning",
    ),
    "checkCompatibleTemplates": Row("lang smalltalk", "Not supported language"),
    "joinErrors": Row("1, 2, no errors", "all of them; nil"),
    "pipeline getPath": Row("super-cake, af6db, slack-fn", "pipeline/…/slack-fn/build.log"),
    "s3_tls": Row(
        "true, 1; other; no bucket, no region",
        "on; off; pipeline, us-east-1",
        "https:// or http:// of the store's URL",
    ),
    "metrics": Row("four codes; a window or none", "8 and 6; 61h or 60m"),
    "function-logs": Row("lists with and without the function", "lines for its owner alone"),
    "github-status token": Row(
        "tokens with odd letters", "an error", "no token travels from part to part"
    ),
    "formatLog": Row(
        "a short log; 47 characters of 20", "framed; the last 20", "cut at a line's begin"
    ),
    "truncate": Row("7 of Some random string", "the last 7", "whole letters, in bytes"),
    "titles": Row(
        "stack-deploy; hello-go",
        "Deploy to OpenFaaS; Build hello-go",
        "Deploy to production; each with how it stands",
    ),
    "status map": Row("failure, success, pending", "completed, completed, queued"),
    "pretty URL": Row("a function; a stack; a failure", "its address; the page; the log"),
    "replaceFunctionSuffix": Row(
        "https://function.function.function/function",
        "https://function.function.function/dashboard",
        "addresses are put together, and no word of them is replaced",
    ),
    "FormatSystemURL": Row(
        "https://cloud.o6s.io/",
        "https://system.o6s.io",
        "the system's host stands before the root domain, whatever words that has",
    ),
    "FormatLogsURL": Row("a commit's function", "where its log is read"),
    "gitLabURLBuilder": Row("project 3, a commit, failure", "…/statuses/<sha>, state=failed"),
    "ECR GetRepository": Row("…/ofbuilder/go-for-IT", "ofbuilder/go-for-it"),
    "combineURL": Row("https://www.google.com/query/ + /this", "one slash between them"),
    "GetOrganizations": Row(
        "a,b", "[a b]", "asked of the forge, page by page, with roles; none in a cookie"
    ),
    "provider path parsing": Row(
        "/function/echo, /echo/subPath/extras?query=true, /function/", "name and rest; 404"
    ),
    "provider log query": Row("name=foobar&name=theactual", "the last one wins"),
    "garbage-collect": Row("fn2 left; fn1 became fn3; *", "fn2; fn1; all of it"),
    "sample-json": Row("payloads of GitHub; two that are no JSON", "understood; refused"),
}

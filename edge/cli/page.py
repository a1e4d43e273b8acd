"""The page at `/`: what this is, and where to go. No script, no outside request."""

import html

from edge.cli.home import Endpoint

HEADERS = (
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)

PAGE = """\
<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pushline</title>
<style>
:root {{ color-scheme: light dark; --text: #1d2733; --soft: #55606e; --line: #d5dbe3;
  --ground: #fbfcfd; --box: #f0f3f7; --link: #0b57c4 }}
@media (prefers-color-scheme: dark) {{ :root {{ --text: #e4e9ef; --soft: #9aa7b5;
  --line: #2c3743; --ground: #12181f; --box: #1b232d; --link: #7db4ff }} }}
body {{ margin: 0; background: var(--ground); color: var(--text);
  font: 1rem/1.6 system-ui, sans-serif }}
main {{ max-width: 44rem; margin: 0 auto; padding: 3rem 1.25rem }}
h1 {{ font-size: 1.75rem; margin: 0 }}
h2 {{ font-size: 1.0625rem; margin: 2rem 0 .25rem }}
p {{ margin: .25rem 0; color: var(--soft) }}
pre {{ background: var(--box); border: 1px solid var(--line); border-radius: .375rem;
  padding: .75rem 1rem; overflow-x: auto; font-size: .875rem }}
a {{ color: var(--link) }} p code {{ overflow-wrap: anywhere }}
dt {{ font-weight: 600; margin-top: .5rem }} dd {{ margin: 0; color: var(--soft) }}
</style>
<main>
<h1>Pushline</h1>
<p>Push to Git, get a live function; every step is an event that can be replayed.</p>

<p><a href="/session">Your session</a>: sign in, sign out.</p>

<h2>Push a repository with a <code>stack.yml</code></h2>
<pre>git remote add pushline {url}/git/&lt;you&gt;/&lt;repository&gt;.git
git push pushline main</pre>
<p>git asks for a password: the token that <code>pushline up</code> printed, with any user name.
Its functions answer at <code>{functions}</code>.</p>

<h2>See what happens</h2>
<pre>pushline events tail -f
pushline run ls
pushline functions ls</pre>

<h2>Ask by HTTP</h2>
<dl>
<dt><a href="/api/openapi.json">/api/openapi.json</a></dt>
<dd>the read API: projects, runs, functions and their logs (needs the token)</dd>
<dt><a href="/metrics">/metrics</a></dt>
<dd>for Prometheus (needs the token)</dd>
<dt><a href="/healthz">/healthz</a></dt>
<dd>whether all of this serves</dd>
</dl>
<p>Webhooks go to <code>/github-event</code> and <code>/gitlab-event</code>. Version {version}.</p>
</main>
</html>
"""


def front(endpoint: Endpoint) -> bytes:
    """Return the page of an installation; no secret is in it."""
    return PAGE.format(
        url=html.escape(endpoint.url),
        functions=html.escape(endpoint.function_url("<you>", "production", "<function>")),
        version=html.escape(endpoint.version),
    ).encode()

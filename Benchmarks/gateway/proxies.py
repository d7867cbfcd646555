"""Reverse proxies in front of the same services: as they come, or with those of rate limit, retries and token check that each has."""

import contextlib
import json
import pathlib
import shutil
import subprocess
import sys
import time
import urllib.request

from ports import free_port
from processes import cpu_seconds, resident_megabytes

TEMPLATES = pathlib.Path(__file__).with_name("proxies")
NAMES = ["nginx", "Envoy", "Traefik", "Caddy"]


def program(name):
    """From PyPI beside this Python, or from Debian."""
    beside = pathlib.Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name) or f"/usr/sbin/{name}"


def envoy_filters(key_set):
    """A limit for all callers, which Envoy has without a service beside it, and the signature of tokens that are there."""
    return f"""\
                  - name: envoy.filters.http.local_ratelimit
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.local_ratelimit.v3.LocalRateLimit
                      stat_prefix: limit
                      token_bucket: {{ max_tokens: 1000000, tokens_per_fill: 1000000, fill_interval: 1s }}
                      filter_enabled: {{ default_value: {{ numerator: 100 }} }}
                      filter_enforced: {{ default_value: {{ numerator: 100 }} }}
                  - name: envoy.filters.http.jwt_authn
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication
                      providers:
                        annals: {{ issuer: annals, forward: true, local_jwks: {{ inline_string: {json.dumps(key_set)} }} }}
                      rules:
                        - match: {{ prefix: "/" }}
                          requires: {{ requires_any: {{ requirements: [{{ provider_name: annals }}, {{ allow_missing: {{}} }}] }} }}"""


TRAEFIK_MIDDLEWARES = """\
  middlewares:
    limit: { rateLimit: { average: 1000000, burst: 1000000 } }
    again: { retry: { attempts: 2 } }"""

# What @GUARD@ and @GUARDS@ of the templates become. nginx, Traefik and Caddy check no tokens as they come, Caddy limits no rates.
GUARDS = {
    "nginx": {
        "GUARDS": "limit_req_zone $binary_remote_addr zone=callers:10m rate=1000000r/s;",
        "GUARD": "limit_req zone=callers burst=1000000 nodelay; proxy_next_upstream error timeout http_503; proxy_next_upstream_tries 2;",
    },
    "Envoy": {"GUARD": ', retry_policy: { retry_on: "connect-failure,refused-stream,503", num_retries: 1 }'},
    "Traefik": {"GUARD": ", middlewares: [limit, again]", "GUARDS": TRAEFIK_MIDDLEWARES},
    "Caddy": {"GUARD": "lb_retries 1"},
}


class Proxy:
    """One of `NAMES` in front of a query and a command service, until stopped."""

    def __init__(self, name, folder, queries, commands, key_set=None):
        """With a key set, the guards are on."""
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        values = {"PORT": self.port, "FOLDER": self.folder, "QUERIES": queries, "COMMANDS": commands, "GUARD": "", "GUARDS": ""}
        if key_set is not None:
            values |= GUARDS[name]
            if name == "Envoy":
                values["GUARDS"] = envoy_filters(key_set)
        self.process = subprocess.Popen(self.command(name, values), stdout=subprocess.DEVNULL)
        self.wait_until_ready(name)

    def command(self, name, values):
        if name == "nginx":
            return [program("nginx"), "-c", self.write("nginx.conf", "nginx.conf", values), "-p", str(self.folder), "-g", "daemon off;"]
        if name == "Envoy":
            return [program("envoy"), "-c", self.write("envoy.yaml", "envoy.yaml", values), "-l", "error", "--use-dynamic-base-id"]
        if name == "Traefik":
            self.write("traefik-routes.yaml", "routes.yaml", values)
            return [program("traefik"), f"--configFile={self.write('traefik.yaml', 'traefik.yaml', values)}"]
        return [program("caddy"), "run", "--adapter", "caddyfile", "--config", self.write("Caddyfile", "Caddyfile", values)]

    def write(self, template, name, values):
        text = (TEMPLATES / template).read_text()
        for key, value in values.items():
            text = text.replace(f"@{key}@", str(value))
        (self.folder / name).write_text(text)
        return str(self.folder / name)

    def wait_until_ready(self, name):
        for _ in range(200):
            with contextlib.suppress(OSError):
                with urllib.request.urlopen(f"{self.url}/api/v1/posts?limit=1") as answer:
                    if answer.status == 200:
                        return
            if self.process.poll() is not None:
                break
            time.sleep(0.05)
        raise RuntimeError(f"{name} does not answer")

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def cpu_seconds(self):
        return cpu_seconds(self.process.pid)

    def resident_megabytes(self):
        return resident_megabytes(self.process.pid)

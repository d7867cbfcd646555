"""Checks docker-compose.yml: by Docker Compose itself, and what it does not know.

compose.py FILE: prints what is wrong, one a line, and ends with 1 if anything is.
"""

import os
import subprocess
import sys

import yaml

# The database users that each service logs in as, and the databases it may reach.
DATABASES = {
    "gateway": [], "auth": ["log", "identity", "vault"], "commands": ["log", "vault"], "queries": ["read"],
    "projector": ["log", "read", "vault"], "relay": ["log", "vault"],
}
# The one that is run by hand, those that run once, and those that stay.
BY_HAND, ONCE = {"operator"}, {"passwords", "migrate"}
# Those of the profile that watches the others, and where they come from.
MONITORING = {"prometheus": "deploy/prometheus", "grafana": "deploy/grafana"}
METRICS = {"gateway": 9464, "auth": 9465, "commands": 9466, "queries": 9467, "projector": 9468, "relay": 9469}

file = sys.argv[1]
subprocess.run(["docker-compose", "-f", file, "config", "-q"], check=True)
subprocess.run(["docker-compose", "-f", file, "--profile", "monitoring", "config", "-q"], check=True)
services = yaml.safe_load(subprocess.run(["docker-compose", "-f", file, "config"], check=True, stdout=subprocess.PIPE).stdout)["services"]
# Debian's version leaves services with a profile out.
services |= {name: service for name, service in yaml.safe_load(open(file))["services"].items() if name in BY_HAND | set(MONITORING)}
wrong = []


def expect(truth, text):
    if not truth:
        wrong.append(text)


def waits_for(name):
    """Everything that has to be there before a service starts."""
    direct = services[name].get("depends_on", {})
    return set(direct).union(*(waits_for(other) for other in direct))


expect(set(services) == set(DATABASES) | BY_HAND | ONCE | set(MONITORING) | {"postgres", "redis"}, f"the services are {sorted(services)}")
for name, service in services.items():
    published = service.get("ports", [])
    expect(bool(published) == (name in {"gateway", "grafana"}), f"{name} publishes {published}")
    expect(all(str(port).startswith("127.0.0.1:") for port in published), f"{name} is open to the network without being asked")
    environment = service.get("environment", {})
    for variable, value in environment.items():
        expect("PASSWORD" not in variable or variable.endswith("_FILE"), f"{name} has a password in {variable}")
        expect("://" not in str(value) or ":" not in str(value).split("://")[1].split("@")[0] or "@" not in str(value), f"{name} has a password in {variable}")
    if name != "passwords":
        expect(service.get("read_only") is True, f"{name} may write to its own files")
    if name in DATABASES:
        expect(service["command"] == ["serve", name], f"{name} runs {service['command']}")
        urls = {variable: value for variable, value in environment.items() if variable.endswith("_URL") and variable != "ANNALS_REDIS_URL"}
        wanted = {f"ANNALS_{database.upper()}_URL": f"postgres://annals_{name}@postgres/annals_{database}" for database in DATABASES[name]}
        expect(urls == wanted, f"{name} is given {urls}")
        expect(service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"], f"{name} has rights")
        expect([volume.split(":")[0] for volume in service["volumes"]] == [name], f"{name} has the volumes {service['volumes']}")
        expect("migrate" in waits_for(name), f"{name} does not wait for migrate")
        expect(("data" in service["networks"]) == bool(DATABASES[name]), f"{name} is in {service['networks']}")
        for other in ("auth", "commands", "queries", "relay"):
            if name != "projector":
                expect(f":{ {'auth': 3001, 'commands': 3002, 'queries': 3003, 'relay': 3005}[other]}" in environment[f"ANNALS_{other.upper()}_AT"], f"{name} calls {other} elsewhere")
    if name not in BY_HAND | ONCE:
        expect(service.get("restart") == "unless-stopped", f"{name} is not started again")
        expect("healthcheck" in service, f"{name} has no health check")
for name, folder in MONITORING.items():
    expect(services[name]["profiles"] == ["monitoring"], f"{name} is started without being asked for")
    mounted = dict(volume.split(":")[:2] for volume in services[name]["volumes"])
    expect(all(os.path.isdir(source) for source in mounted if source.startswith("./")), f"{name} mounts what is not there")
    expect("./" + folder in mounted, f"{name} lacks {folder}")
# Each service's metrics are scraped, by a Prometheus in its networks, and Grafana finds the dashboards and this Prometheus.
scraped = yaml.safe_load(open("deploy/prometheus/compose.yml"))["scrape_configs"][0]["dns_sd_configs"]
expect({entry["names"][0]: entry["port"] for entry in scraped} == METRICS, f"Prometheus scrapes {scraped}")
for name in METRICS:
    expect(set(services[name]["networks"]) & set(services["prometheus"]["networks"]), f"Prometheus does not reach {name}")
provided = yaml.safe_load(open("deploy/grafana/provisioning/dashboards/annals.yml"))["providers"][0]["options"]["path"]
expect("./deploy/grafana:" + provided + ":ro" in services["grafana"]["volumes"], f"Grafana looks for dashboards in {provided}")
source = yaml.safe_load(open("deploy/grafana/provisioning/datasources/prometheus.yml"))["datasources"][0]["url"]
expect(source == "http://prometheus:9090", f"Grafana asks {source}")
expect({"auth", "commands", "queries", "relay", "redis", "migrate", "postgres", "passwords"} <= waits_for("gateway"), "the gateway starts before what it needs")
expect(services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy", "migrate does not wait for a healthy PostgreSQL")
print("\n".join(wrong) or f"{len(services)} services")
sys.exit(1 if wrong else 0)

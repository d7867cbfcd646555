"""Checks deploy/kubernetes: each object against Kubernetes's own schemas, and what no schema knows.

kubernetes.py FOLDER: prints what is wrong, one a line, and ends with 1 if anything is.
"""

import pathlib
import sys

import kubernetes_validate
import yaml

VERSIONS = ["1.30", kubernetes_validate.latest_version()]
SERVICES = ["gateway", "auth", "commands", "queries", "projector", "relay"]
# The databases that each may reach, as docs/identity.md gives them.
DATABASES = {
    "gateway": [], "auth": ["log", "identity", "vault"], "commands": ["log", "vault"], "queries": ["read"],
    "projector": ["log", "read", "vault"], "relay": ["log", "vault"],
    "migrate": ["log", "read", "identity", "vault"],
}
NAME = "app.kubernetes.io/name"

folder = pathlib.Path(sys.argv[1])
wrong = []


def expect(truth, text):
    if not truth:
        wrong.append(text)


kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
files = {file.name for file in folder.glob("*.yaml")} - {"kustomization.yaml"}
expect(files == set(kustomization["resources"]), f"kustomization.yaml lists {kustomization['resources']}, and there are {sorted(files)}")
objects = {}
for file in kustomization["resources"]:
    for document in yaml.safe_load_all((folder / file).read_text()):
        key = (document["kind"], document["metadata"]["name"])
        expect(key not in objects, f"{key} is there twice")
        objects[key] = document
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(document, version, strict=True)
            except kubernetes_validate.ValidationError as error:
                wrong.append(f"{file} {key} is not valid in {version}: {'/'.join(map(str, error.path))}: {error.message}")


def named(kind):
    return {name: document for (found, name), document in objects.items() if found == kind}


def selected(policy):
    return policy["spec"]["podSelector"].get("matchLabels", {}).get(NAME)


def callers(rule):
    """The names of the pods that a rule of ingress lets in; None for anybody."""
    if "from" not in rule:
        return None
    names = []
    for peer in rule["from"]:
        selector = peer["podSelector"]
        names += [selector["matchLabels"][NAME]] if "matchLabels" in selector else selector["matchExpressions"][0]["values"]
    return names


workloads = {**named("Deployment"), **named("Job")}
for name in SERVICES:
    expect(name in named("Deployment"), f"there is no Deployment of {name}")
    expect(name in named("PodDisruptionBudget"), f"there is no PodDisruptionBudget of {name}")
    # The projector is the one that more pods don't help.
    expect((name in named("HorizontalPodAutoscaler")) == (name != "projector"), f"the autoscaler of {name}")
    expect((name in named("Service")) == (name != "projector"), f"the Service of {name}")

for name, workload in workloads.items():
    template = workload["spec"]["template"]
    pod, container = template["spec"], template["spec"]["containers"][0]
    expect(template["metadata"]["labels"][NAME] == name, f"{name} has another label")
    if workload["kind"] == "Deployment":
        expect(workload["spec"]["selector"]["matchLabels"] == {NAME: name}, f"{name} selects others")
    expect(len(pod["containers"]) == 1, f"{name} has {len(pod['containers'])} containers")
    security = {**pod["securityContext"], **container["securityContext"]}
    expect(security["runAsNonRoot"] is True and security["runAsUser"] > 0, f"{name} runs as root")
    expect(security["readOnlyRootFilesystem"] is True, f"{name} may write to its own files")
    expect(security["allowPrivilegeEscalation"] is False and security["capabilities"] == {"drop": ["ALL"]}, f"{name} has rights")
    expect(security["seccompProfile"] == {"type": "RuntimeDefault"}, f"{name} may make any system call")
    expect(pod["automountServiceAccountToken"] is False, f"{name} has a token of the cluster")
    expect(set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == {"cpu", "memory"}, f"the resources of {name}")
    # A secret is named, and never there.
    environment = container.get("env", [])
    for variable in environment:
        if variable["name"] not in ("ANNALS_REDIS_URL", "ANNALS_AUDIT_KEY_FILE"):
            expect("secretKeyRef" in variable.get("valueFrom", {}), f"{name} has {variable['name']} in the clear")
    if name in DATABASES:
        urls = [variable["name"] for variable in environment if variable["name"].endswith("_URL") and "valueFrom" in variable]
        expect(sorted(urls) == sorted(f"ANNALS_{database.upper()}_URL" for database in DATABASES[name]), f"{name} is given {urls}")
        secrets = {variable["valueFrom"]["secretKeyRef"]["name"] for variable in environment if "valueFrom" in variable}
        expect(secrets <= {f"{name}-databases", "owner-databases"}, f"{name} is given the secrets {secrets}")
    mounted = {mount["name"] for mount in container.get("volumeMounts", [])}
    expect(mounted == {volume["name"] for volume in pod.get("volumes", [])}, f"{name} mounts {mounted}")
    for volume in pod.get("volumes", []):
        sources = volume.get("projected", {}).get("sources", []) + ([volume] if "secret" in volume else [])
        for source in sources:
            if "secret" in source:
                secret = source["secret"].get("name") or source["secret"]["secretName"]
                expect(secret == f"{name}-keys", f"{name} is given the keys of {secret}")
    if name in SERVICES:
        expect(container["args"] == ["serve", name], f"{name} runs {container['args']}")
        # The gateway answers for the other services while one is away.
        served = "/health" if name == "gateway" else "/ready"
        for probe, path in [("startupProbe", "/startup"), ("livenessProbe", "/health"), ("readinessProbe", served)]:
            expect(container[probe]["httpGet"] == {"path": path, "port": "http"}, f"the {probe} of {name}")

ports = {name: workloads[name]["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] for name in SERVICES + ["redis"]}
for name, service in named("Service").items():
    expect(service["spec"]["selector"] == {NAME: name}, f"the Service {name} leads to others")
    expect((service["spec"].get("type") == "LoadBalancer") == (name == "gateway"), f"the Service {name} is reached from outside")
    if name in SERVICES and name != "gateway":
        # Its addresses are the pods', so the callers' port is the pods'.
        expect(service["spec"]["clusterIP"] == "None" and service["spec"]["ports"][0]["port"] == ports[name], f"the Service {name} is not headless")
shared = objects[("ConfigMap", "annals")]["data"]
for name in ["auth", "commands", "queries", "relay"]:
    place = f"dns:{name}.{kustomization['namespace']}.svc.cluster.local:{ports[name]}"
    expect(shared[f"ANNALS_{name.upper()}_AT"] == place, f"ANNALS_{name.upper()}_AT leads elsewhere")
for kind, field in [("HorizontalPodAutoscaler", None), ("PodDisruptionBudget", "selector")]:
    for name, document in named(kind).items():
        target = document["spec"][field]["matchLabels"][NAME] if field else document["spec"]["scaleTargetRef"]["name"]
        expect(target == name, f"the {kind} {name} is of {target}")

policies = named("NetworkPolicy")
denial = policies["nothing-else"]["spec"]
expect(denial["podSelector"] == {} and set(denial["policyTypes"]) == {"Ingress", "Egress"} and "ingress" not in denial, "pods are open by default")
ways_in, ways_out = set(), set()
for name, policy in policies.items():
    if name == "nothing-else":
        continue
    expect(selected(policy) == name, f"the policy {name} is of others")
    for rule in policy["spec"].get("ingress", []):
        expect([port["port"] for port in rule["ports"]] == [ports[name]], f"the policy {name} opens {rule['ports']}")
        if callers(rule) is None:
            expect(name == "gateway", f"anybody reaches {name}")
        else:
            ways_in |= {(caller, name) for caller in callers(rule)}
    reached = []
    for rule in policy["spec"].get("egress", []):
        for peer in rule["to"]:
            if "ipBlock" in peer:
                # Receivers of webhooks, and nothing within the cluster.
                expect(name == "relay" and peer["ipBlock"]["except"], f"{name} reaches {peer['ipBlock']['cidr']}")
                continue
            (label, value), = peer["podSelector"]["matchLabels"].items()
            if label == NAME:
                ways_out.add((name, value))
                expect([port["port"] for port in rule["ports"]] == [ports[value]], f"{name} calls {value} at {rule['ports']}")
            else:
                reached.append(label.removeprefix("annals.database/"))
    expect(sorted(reached) == sorted(DATABASES.get(name, [])), f"{name} reaches the databases {reached}")
expect(ways_in == ways_out, f"some may call and not be called, or the other way round: {ways_in ^ ways_out}")
expect(set(workloads) == set(policies) - {"nothing-else"}, "not every pod has a policy")

print("\n".join(wrong) or f"{len(objects)} objects")
sys.exit(1 if wrong else 0)

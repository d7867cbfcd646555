"""Starts docker-compose.yml without a container engine, makes a post through the gateway, runs the operator's commands, and stops everything.

compose.py BINARY REPOSITORY FOLDER: BINARY is the program, FOLDER an empty folder for roots and volumes. To be run as root in namespaces of its own for
mounts, network and processes, where names of services lead to the loopback. Prints what it saw, one line each.

Each container is a mount namespace with a root of its own: this machine's /usr, the files of the image, the service's volumes, and nothing else that can
be written to. The images of others are their programs, as this machine has them.
"""

import json
import os
import pathlib
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

import yaml

binary, repository, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
compose = yaml.safe_load((repository / "docker-compose.yml").read_text())
services = compose["services"]
dockerfile = (repository / "Dockerfile").read_text().replace("\\\n", "").split("\nFROM ")[-1].splitlines()
IMAGE_USER = "10001:10001"
assert f"USER {IMAGE_USER}" in dockerfile
IMAGE_ENVIRONMENT = dict(word.split("=", 1) for line in dockerfile if line.startswith("ENV ") for word in line.split()[1:])
POSTGRES = r"""
set -eu
data=/var/lib/postgresql/data
export PATH="$PATH:$(ls -d /usr/lib/postgresql/*/bin | tail -1)"
if [ ! -s "$data/PG_VERSION" ]; then
    chown 999:999 "$data" /run/postgresql
    as="setpriv --reuid=999 --regid=999 --clear-groups"
    $as initdb --username="$POSTGRES_USER" --pwfile="$POSTGRES_PASSWORD_FILE" --auth-local=trust --auth-host=scram-sha-256 --no-sync --locale=C.UTF-8 \
        --encoding=UTF8 "$data"
    echo 'host all all all scram-sha-256' >>"$data/pg_hba.conf"
    $as pg_ctl --pgdata="$data" --options="-c listen_addresses= -c unix_socket_directories=/run/postgresql" --wait --silent start
    export PGHOST=/run/postgresql
    $as createdb --username="$POSTGRES_USER" "$POSTGRES_DB"
    for script in /docker-entrypoint-initdb.d/*; do $as bash "$script"; done
    $as pg_ctl --pgdata="$data" --wait --silent --mode=fast stop
fi
shift
exec setpriv --reuid=999 --regid=999 --clear-groups postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql "$@"
"""


def run(*command, **options):
    return subprocess.run(command, check=True, **options)


def mount(source, target, read_only):
    lines = [f"mkdir -p {shlex.quote(os.path.dirname(target))}"]
    lines += [f"mkdir -p {shlex.quote(target)}" if os.path.isdir(source) else f"touch {shlex.quote(target)}"]
    lines += [f"mount --bind {shlex.quote(source)} {shlex.quote(target)}"]
    return lines + ([f"mount -o remount,bind,ro {shlex.quote(target)}"] if read_only else [])


def container(name, command=None, **popen):
    """Runs a service's command, or another one in the same place, as its container would."""
    service = services[name]
    root = f"{folder}/roots/{name}"
    os.makedirs(root, exist_ok=True)
    is_ours = "build" in service
    script = ["set -eu", f"mount -t tmpfs tmpfs {root}"]
    script += mount("/usr", f"{root}/usr", True)
    script += [f"for name in bin lib lib64 sbin; do ln -s usr/$name {root}/$name; done", f"mkdir -p {root}/etc {root}/tmp {root}/dev {root}/proc"]
    script += ["mount --rbind /dev " + f"{root}/dev", f"mount --rbind /proc {root}/proc"]
    script += mount(f"{folder}/etc", f"{root}/etc", True)
    if os.path.isdir("/opt/swift/usr/lib"):
        script += mount("/opt/swift/usr/lib", f"{root}/opt/swift/usr/lib", True)
    environment = {"PATH": "/image/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
    if is_ours:
        environment |= IMAGE_ENVIRONMENT | {"ANNALS_ROOT": "/image/share"}
        script += mount(binary, f"{root}/image/bin/annals", True)
        for part in ("migrations", "projections", "openapi", "web"):
            script += mount(f"{repository}/{part}", f"{root}/image/share/{part}", True)
    for place in service.get("tmpfs", []):
        script += [f"mkdir -p {root}{place}", f"mount -t tmpfs tmpfs {root}{place}"]
    for volume in service.get("volumes", []) + popen.pop("volumes", []):
        source, target, *mode = volume.split(":")
        if source.startswith("."):
            source = str(repository / source)
        elif not source.startswith("/"):
            source = f"{folder}/volumes/{source}"
            if not os.path.exists(source):
                os.makedirs(source)
                # A new volume belongs to whoever owns the folder in the image.
                os.chown(source, *(map(int, IMAGE_USER.split(":")) if is_ours else (0, 0)))
        script += mount(source, f"{root}{target}", mode == ["ro"])
    if service.get("read_only"):
        script += [f"mount -o remount,ro {root}"]
    environment |= {key: str(value) for key, value in service.get("environment", {}).items()}
    if command is None:
        command = service.get("command", [])
        if is_ours:
            command = (service.get("entrypoint") or ["annals"]) + command
        if name == "postgres":
            command = ["bash", "-c", POSTGRES, "postgres"] + command
        if name == "redis":
            environment["HOME"] = "/tmp"
    user = IMAGE_USER if is_ours else "999:999" if name == "redis" else "0:0"
    rights = ["--bounding-set=-all", "--no-new-privs"] if is_ours else []
    inner = ["setpriv", f"--reuid={user.split(':')[0]}", f"--regid={user.split(':')[1]}", "--clear-groups", *rights, *command]
    script += ["exec env -i " + shlex.join(f"{key}={value}" for key, value in environment.items()) + f" /usr/sbin/chroot {root} " + shlex.join(inner)]
    return subprocess.Popen(["unshare", "--mount", "--propagation", "private", "bash", "-c", "\n".join(script)], **popen)


running = {}


def start(name):
    if name in running:
        return
    needed = services[name].get("depends_on", {})
    for other in needed:
        start(other)
    for other, how in needed.items():
        if how["condition"] == "service_completed_successfully":
            code = running[other].wait(600)
            assert code == 0, f"{other} ends with {code}:\n" + (folder / f"{other}.log").read_text()
        else:
            wait_for_health(other)
    with open(folder / f"{name}.log", "wb") as log:
        running[name] = container(name, stdout=log, stderr=log)


def wait_for_health(name):
    check = services[name]["healthcheck"]["test"][1:]
    end = time.monotonic() + 600
    while True:
        code = container(name, check, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).wait(600)
        if code == 0:
            return
        assert running[name].poll() is None, f"{name} has ended:\n" + (folder / f"{name}.log").read_text()
        assert time.monotonic() < end, f"{name} does not become healthy:\n" + (folder / f"{name}.log").read_text()


def call(method, path, body=None, **headers):
    request = urllib.request.Request(
        f"http://gateway:3000/api/v1{path}", method=method, data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"} | {key.replace("_", "-"): value for key, value in headers.items()})
    try:
        with urllib.request.urlopen(request, timeout=600) as answer:
            return answer.status, answer.headers, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, error.headers, json.loads(error.read() or b"null")


def operator(*command, volumes=()):
    process = container("operator", ["annals", *command], volumes=list(volumes), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    output, errors = process.communicate(timeout=600)
    return output if process.returncode == 0 else f"{process.returncode}: {output}{errors}"


# Names lead to the loopback, by the files of the C library and by a name server.
for tool in ("ip", "dnsmasq"):
    assert shutil.which(tool, path="/usr/sbin:/usr/bin:/sbin:/bin"), f"{tool} is not installed"
os.environ["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
run("ip", "link", "set", "lo", "up")
(folder / "etc").mkdir()
(folder / "etc/hosts").write_text("127.0.0.1 localhost " + " ".join(services) + "\n")
(folder / "etc/resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1\n")
(folder / "etc/nsswitch.conf").write_text("passwd: files\nhosts: files dns\n")
(folder / "etc/passwd").write_text("root:x:0:0::/:/bin/sh\npostgres:x:999:999::/:/bin/sh\nannals:x:10001:10001::/var/lib/annals:/bin/sh\n")
(folder / "etc/group").write_text("root:x:0:\npostgres:x:999:\nannals:x:10001:\n")
for file in ("hosts", "resolv.conf"):
    run("mount", "--bind", str(folder / "etc" / file), f"/etc/{file}")
names = subprocess.Popen(
    ["dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--user=root", "--pid-file=", "--listen-address=127.0.0.1"]
    + [f"--host-record={name},127.0.0.1" for name in services], stderr=subprocess.DEVNULL)

for name in ("gateway", "projector"):
    start(name)
wait_for_health("gateway")
wait_for_health("projector")
print("all are healthy")

account = {"username": "ann", "email": "ann@example.org", "password": "correct horse battery"}
print("registered:", call("POST", "/auth/register", account)[0])
_, _, session = call("POST", "/auth/login", {key: account[key] for key in ("email", "password")})
token = {"Authorization": f"Bearer {session['data']['accessToken']}"}
status, headers, post = call("POST", "/posts", {"title": "Hello", "content": "First post.", "publish": True}, **token)
print("posted:", status)
for _ in range(30):
    read, _, _ = call("GET", "/posts/by-slug/hello", Wait_For_Position=headers["Position"], Prefer="wait=10")
    if read != 503:
        break
print("read:", read)

(folder / "blog").mkdir()
(folder / "blog/imported.md").write_text("---\ntitle: Imported\ndate: 2026-01-01\nauthor: ann\n---\nText.\n")
print("imported:", operator("import", "/blog", volumes=[f"{folder}/blog:/blog:ro"]).split(",")[0])
print("verified:", " ".join(re.findall(r"(\w+) at position \d+: equal", operator("projections", "verify", "--all"))))

# Each service has its own keys and no others.
for name in ("gateway", "auth", "commands", "queries", "projector"):
    keys = folder / "volumes" / name / "keys"
    print(f"{name}:", " ".join(sorted(str(file.relative_to(keys)) for file in keys.rglob("*.key"))))

for name in ("gateway", "queries", "commands", "auth", "projector"):
    for process in pathlib.Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "root") == f"{folder}/roots/{name}" and os.readlink(process / "exe").endswith("/annals"):
                os.kill(int(process.name), signal.SIGTERM)
        except OSError:
            pass
    print(f"{name} ends with", running[name].wait(600))

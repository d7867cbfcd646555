"""A durable PostgreSQL of the benchmark's own, in a temporary folder."""

import contextlib
import glob
import os
import shutil
import subprocess
import tempfile

import psycopg

SETTINGS = {
    "listen_addresses": "''",
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    "shared_buffers": "'1GB'",
    "max_wal_size": "'8GB'",
    "checkpoint_timeout": "'15min'",
    "max_connections": "600",
    "jit": "off",
}


class Databases:
    """Statements in the databases that `connect` reaches."""

    def execute(self, database, sql):
        with self.connect(database) as connection:
            connection.execute(sql)

    def value(self, database, sql):
        with self.connect(database) as connection:
            return connection.execute(sql).fetchone()[0]


class Cluster(Databases):
    def __init__(self, folder, binaries):
        self.folder = folder
        self.binaries = binaries

    @property
    def pid(self):
        """Of the postmaster."""
        with open(f"{self.folder}/data/postmaster.pid") as file:
            return int(file.readline())

    def connect(self, database="postgres"):
        return psycopg.connect(host=self.folder, user="postgres", dbname=database, autocommit=True)

    def url(self, database):
        return f"postgres://postgres@{self.folder.replace('/', '%2F')}/{database}"

    def create(self, database, template="template1"):
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {database} TEMPLATE {template}")

    def pgbench(self, database, script, clients, seconds, **variables):
        """Transactions per second, and their mean time in milliseconds; pgbench tells neither where not one was finished."""
        command = [f"{self.binaries}/pgbench", "-h", self.folder, "-U", "postgres", "-n", "-M", "prepared", "-c", str(clients)]
        command += ["-j", str(min(clients, 2)), "-T", str(seconds), "-f", script]
        for name, value in variables.items():
            command += ["-D", f"{name}={value}"]
        output = subprocess.run(command + [database], check=True, capture_output=True, text=True).stdout
        found = {line.split("=")[0].strip(): line.split("=")[1].split()[0] for line in output.splitlines() if " = " in line}
        return float(found.get("tps", 0)), float(found["latency average"]) if "tps" in found else None


@contextlib.contextmanager
def cluster(settings=SETTINGS):
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))[-1]
    folder = tempfile.mkdtemp(prefix="annals-benchmark-")
    # PostgreSQL does not run as root; its package has an account for it.
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data = f"{folder}/data"
    run = lambda *command: subprocess.run([*user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")
    try:
        run(f"{binaries}/initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-instructions")
        options = " ".join(f"-c {name}={value}" for name, value in settings.items())
        run(f"{binaries}/pg_ctl", "-D", data, "-l", f"{folder}/log", "-w", "-t", "120", "-o", f"{options} -c unix_socket_directories={folder}", "start")
        try:
            yield Cluster(folder, binaries)
        finally:
            run(f"{binaries}/pg_ctl", "-D", data, "-w", "-m", "immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)

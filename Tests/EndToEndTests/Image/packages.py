"""Finds the libraries of a program that the image would not have.

packages.py BINARY PACKAGE…: the packages are those that the image installs. Prints the packages that are missing, one a line.
"""

import re
import subprocess
import sys


def lines(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()


# Debian packages of this machine, each with what it needs, and those that every Debian has.
needs, base = {}, {"apt"}
for line in lines("dpkg-query", "-W", "-f", "${Package}\t${Essential}\t${Priority}\t${Depends}, ${Pre-Depends}\n"):
    name, essential, priority, depends = line.split("\t")
    needs[name] = {match for match in re.findall(r"(?:^|[,|])\s*([a-z0-9.+-]+)", depends)}
    if essential == "yes" or priority == "required":
        base.add(name)
there, waiting = set(), list(base | set(sys.argv[2:]))
while waiting:
    name = waiting.pop()
    if name in needs and name not in there:
        there.add(name)
        waiting += needs[name]

# Swift's own libraries are linked into the image's program.
libraries = [library for library in re.findall(r"=> (/\S+)", "\n".join(lines("ldd", sys.argv[1]))) if "/swift/" not in library]
files = {library.rsplit("/", 1)[1] for library in libraries}
owners = {file: set() for file in files}
for line in lines("dpkg", "-S", *(f"*/{file}" for file in files)):
    owner, path = line.split(": ", 1)
    owners.setdefault(path.rsplit("/", 1)[1], set()).add(owner.split(":")[0])
for file in sorted(files):
    if not owners[file] & there:
        print(f"{file}: {', '.join(sorted(owners[file]))}")

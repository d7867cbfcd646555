"""Validates a running system's OpenAPI document, and compares its two forms with parsers that are none of ours.

document.py BASE
"""

import json
import sys
import urllib.request

import openapi_spec_validator
import yaml


class WithoutTimes(yaml.SafeLoader):
    """JSON has no times, and YAML 1.2 takes none out of a plain text."""


WithoutTimes.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read(name):
    with urllib.request.urlopen(f"{sys.argv[1]}/{name}") as answer:
        return answer.read()


in_yaml = yaml.load(read("openapi.yaml"), WithoutTimes)
in_json = json.loads(read("openapi.json"))
openapi_spec_validator.validate(in_json)
print("valid, and the same" if in_yaml == in_json else "not the same")

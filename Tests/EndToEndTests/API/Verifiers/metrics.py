"""Reads metrics as Prometheus's own Python library does, and holds them to the page that lists them. metrics.py TEXT OPENMETRICS PAGE"""
import subprocess
import sys

from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families

text, openmetrics, page = (open(path).read() for path in sys.argv[1:])
families = list(text_string_to_metric_families(text))
names = [family.name for family in families]
assert len(names) == len(set(names)), f"a family comes twice: {names}"
for family in families:
    assert family.documentation, f"{family.name} has no help"
    assert family.type in ("counter", "gauge", "histogram"), f"{family.name} is {family.type}"
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            assert "le" in sample.labels
    name = family.name + ("_total" if family.type == "counter" else "")
    assert f"`{name}`" in page, f"{name} is not in the page"

# Both forms say the same families; one may be there by the time of the second scrape only.
missing = set(names) - {family.name for family in read_openmetrics(openmetrics)}
assert not missing, f"OpenMetrics lacks {missing}"

check = subprocess.run(["promtool", "check", "metrics"], input=text, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
assert check.returncode == 0, check.stdout
print(len(families))

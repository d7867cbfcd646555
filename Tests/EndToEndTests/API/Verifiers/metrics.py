"""Reads metrics as Prometheus's own Python library does. metrics.py FILE"""
import sys

from prometheus_client.parser import text_string_to_metric_families

text = open(sys.argv[1]).read()
families = list(text_string_to_metric_families(text))
names = [family.name for family in families]
assert len(names) == len(set(names)), f"a family comes twice: {names}"
for family in families:
    assert family.documentation, f"{family.name} has no help"
    assert family.type in ("counter", "gauge", "histogram"), f"{family.name} is {family.type}"
    for sample in family.samples:
        if sample.name.endswith("_bucket"):
            assert "le" in sample.labels
print(len(families))

"""Reads CloudEvents with the official SDK, which refuses what the specification does not allow, and prints what it has understood, one JSON object a line."""

import json
import sys

from cloudevents.core.bindings.http import HTTPMessage, from_http_event
from cloudevents.core.formats.json import JSONFormat

kind, path = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    # The SDK reads one event at a time: a batch is an array of what it reads (CloudEvents JSON format, section 4).
    texts = [json.dumps(event) for event in json.load(file)] if kind == "batch" else [line for line in file]
for text in texts:
    event = JSONFormat().read(None, text)
    same = from_http_event(HTTPMessage({"content-type": "application/cloudevents+json"}, text.encode()))
    assert same.get_attributes() == event.get_attributes() and same.get_data() == event.get_data()
    attributes = event.get_attributes()
    extensions = {name: value for name, value in attributes.items() if name not in ("id", "source", "type", "specversion", "datacontenttype", "subject", "time")}
    print(json.dumps({
        "specversion": event.get_specversion(), "id": event.get_id(), "source": event.get_source(), "type": event.get_type(), "subject": event.get_subject(),
        "milliseconds": round(event.get_time().timestamp() * 1000), "contenttype": event.get_datacontenttype(), "extensions": extensions, "data": event.get_data(),
    }))

"""Checks deliveries as their receivers do, with the libraries of Standard Webhooks and of Svix. Prints the id of each event that all accept."""

import base64
import datetime
import json
import sys

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook as StandardWebhook
from svix.webhooks import Webhook as SvixWebhook

for line in open(sys.argv[1], encoding="utf-8"):
    call = json.loads(line)
    headers, body = call["headers"], call["body"]
    for library in (StandardWebhook, SvixWebhook):
        event = library(call["secret"]).verify(body, headers)
        event = json.loads(body) if event is None else event
        assert event["id"] == headers["webhook-id"], event
        try:
            library(call["secret"]).verify(body + " ", headers)
        except Exception as refusal:
            assert "match" in str(refusal), refusal
        else:
            raise AssertionError("a changed body was accepted")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.{body}".encode()
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(call["publicKey"].removeprefix("whpk_")))
    signature = next(s for s in headers["webhook-signature"].split() if s.startswith("v1a,"))
    key.verify(base64.b64decode(signature.removeprefix("v1a,")), signed)
    print(headers["webhook-id"])

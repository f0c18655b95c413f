"""Tries every operation of a running server's OpenAPI document for a while and ends with 0 when there was no server error
and no answer outside the document. What is left out, and why:

- `/admin/events` lasts for as long as the connection.
- `/auth/…` ends sessions and is limited on purpose after some wrong tries.

Real ids of a job and a run come in through `hooks.py`, or nearly every answer would be 404.
"""

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

LEFT_OUT = r"^/(admin/events|auth/.*)$"
CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"


def main():
    parser = argparse.ArgumentParser()
    for name in ("url", "token", "job", "run"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--seconds", type=int, default=60)
    given = parser.parse_args()
    command = [sys.executable, "-E", "-s", "-B", "-c", "from schemathesis.cli import schemathesis; schemathesis()", "run",
               f"{given.url}/openapi.json", "-H", f"Authorization: Bearer {given.token}", "--checks", CHECKS,
               "--exclude-path-regex", LEFT_OUT, "--max-time", str(given.seconds), "--max-examples", "20", "--seed", "1",
               "--request-timeout", "20", "--workers", "1", "--no-color", "--suppress-health-check", "all",
               "--generation-database", "none", "--output-truncate", "false", "--warnings", "off", "--continue-on-failure"]
    hooks = pathlib.Path(__file__).resolve().parent
    env = {**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(hooks), "JOB_ID": given.job, "RUN_ID": given.run}
    # It leaves notes where it stands; `-E` would hide PYTHONPATH.
    command.remove("-E")
    with tempfile.TemporaryDirectory(prefix="nomaflow-schemathesis-") as folder:
        return subprocess.run(command, env=env, cwd=folder, stdin=subprocess.DEVNULL, timeout=given.seconds + 60).returncode


if __name__ == "__main__":
    sys.exit(main())

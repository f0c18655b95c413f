#!/usr/bin/env python3
"""Start and memory of an idle `serve`: an empty home, a thousand scheduled jobs, a hundred thousand schedules. Prints the
time until it listens and until the scheduler is active, and resident and anonymous memory ten seconds later.

    python3 tests/bench/idle.py target/release/nomaflow
"""

import json
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.request

JOB = """
[[jobs]]
id = "job-{0}"
schedule = "0 3 1 1 *"
timezone = "Europe/Paris"
[[jobs.steps]]
name = "q"
type = "sql_query"
connector = "db"
query = "select 1"
"""
SCHEDULE = """
[[jobs.schedules]]
name = "s{0}"
cron = "{1} {2} 1 1 *"
timezone = "Europe/Paris"
"""
CONNECTOR = '[pools.db]\nurl = "sqlite:data/x.db"\n[connectors.db]\ntype = "sql"\npool = "db"\n'


def memory(pid):
    """Resident and anonymous memory, in MB."""
    sizes = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return [int(sizes[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon")]


def text(number, schedules):
    """A job with so many schedules besides its own."""
    more = "".join(SCHEDULE.format(n, n % 60, n // 60 % 24) for n in range(schedules))
    return JOB.format(number) + more


def is_active(url, token):
    request = urllib.request.Request(url + "/admin/jobs/health", headers={"Authorization": f"Bearer {token}"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)["scheduler"] == "active"


def main(nomaflow):
    cases = (("an empty home", 0, 0), ("1,000 scheduled jobs", 1000, 0), ("100,000 schedules", 10_000, 9))
    for title, jobs, schedules in cases:
        with tempfile.TemporaryDirectory() as home:
            subprocess.run([nomaflow, "init", home], check=True, stdout=subprocess.DEVNULL)
            app = pathlib.Path(home, "plugins/bench")
            app.mkdir(parents=True)
            (app / "jobs.toml").write_text("".join(text(n, schedules) for n in range(jobs)))
            pathlib.Path(home, "connectors.toml").write_text(CONNECTOR)
            began = time.monotonic()
            server = subprocess.Popen([nomaflow, "--home", home, "serve", "--listen", "127.0.0.1:0"],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                line = ""
                while "listening" not in line:
                    line = server.stdout.readline()
                    if server.poll() is not None:
                        sys.exit("idle.py: the server did not start")
                listening = time.monotonic() - began
                url = line.split()[-1]
                token = pathlib.Path(home, "data/bootstrap.token").read_text().strip()
                while not is_active(url, token):
                    time.sleep(0.02)
                active = time.monotonic() - began
                time.sleep(10)
                resident, anonymous = memory(server.pid)
                print(f"{title:22} listens after {listening:.2f} s, active after {active:.2f} s, "
                      f"{resident:.1f} MB resident, {anonymous:.1f} MB anonymous")
            finally:
                server.terminate()
                server.wait(30)


if __name__ == "__main__":
    main(*sys.argv[1:])

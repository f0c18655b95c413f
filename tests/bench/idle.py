#!/usr/bin/env python3
"""Memory of an idle `serve`: an empty home, and a home with a thousand scheduled jobs. Prints resident and anonymous memory.

    python3 tests/bench/idle.py target/release/nomaflow
"""

import pathlib
import subprocess
import sys
import tempfile
import time

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
CONNECTOR = '[pools.db]\nurl = "sqlite:data/x.db"\n[connectors.db]\ntype = "sql"\npool = "db"\n'


def memory(pid):
    """Resident and anonymous memory, in MB."""
    sizes = dict(line.split(":", 1) for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines())
    return [int(sizes[key].split()[0]) / 1024 for key in ("VmRSS", "RssAnon")]


def main(nomaflow):
    for title, jobs in (("an empty home", 0), ("1,000 scheduled jobs", 1000)):
        with tempfile.TemporaryDirectory() as home:
            subprocess.run([nomaflow, "init", home], check=True, stdout=subprocess.DEVNULL)
            app = pathlib.Path(home, "plugins/bench")
            app.mkdir(parents=True)
            (app / "jobs.toml").write_text("".join(JOB.format(n) for n in range(jobs)))
            pathlib.Path(home, "connectors.toml").write_text(CONNECTOR)
            server = subprocess.Popen([nomaflow, "--home", home, "serve", "--listen", "127.0.0.1:0"],
                                      stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            try:
                while "listening" not in server.stdout.readline():
                    if server.poll() is not None:
                        sys.exit("idle.py: the server did not start")
                time.sleep(10)
                resident, anonymous = memory(server.pid)
                print(f"{title:22} {resident:.1f} MB resident, {anonymous:.1f} MB anonymous")
            finally:
                server.terminate()
                server.wait(30)


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""Copies the flights by `sql_copy` and by the tools of the databases, in turn, and prints medians and their ratio:
SQLite into a private PostgreSQL beside `sqlite3 -csv | psql \\copy`, then from there into another database of the same
server beside `psql copy to | psql copy from`, binary. All replace the table's rows in one transaction.

    python3 tests/bench/copy.py target/release/nomaflow target/test-data/operational.db
"""

import contextlib
import datetime
import glob
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

ROUNDS = int(os.environ.get("NOMAFLOW_BENCH_ROUNDS", "5"))
JOB = """
[[jobs]]
id = "{0}"
[[jobs.steps]]
name = "flights"
type = "sql_copy"
source = {{ connector = "{1}", table = "flights" }}
target = {{ connector = "{2}", table = "flights" }}
mode = "overwrite"
"""


@contextlib.contextmanager
def postgres():
    """A server of our own; its URL."""
    binaries = sorted(glob.glob("/usr/lib/postgresql/*/bin"))
    path = os.pathsep.join([*reversed(binaries), os.environ["PATH"]])
    initdb, server = shutil.which("initdb", path=path), shutil.which("postgres", path=path)
    if not initdb or not server:
        sys.exit("copy.py: PostgreSQL's server programs are not installed (Debian: apt-get install postgresql)")
    folder = tempfile.mkdtemp(prefix="nomaflow-bench-")
    as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if as_user:
        shutil.chown(folder, "postgres")
    data = f"{folder}/data"
    subprocess.run([*as_user, initdb, "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"],
                   check=True, stdout=subprocess.DEVNULL, cwd=folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}", "-c", "max_wal_size=4GB"]
    process = subprocess.Popen([*as_user, server, "-D", data, "-p", str(port), *options], cwd=folder,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    url = f"postgres://bench@127.0.0.1:{port}/postgres"
    try:
        for _ in range(200):
            if subprocess.run(["psql", url, "-qc", "select 1"], capture_output=True).returncode == 0:
                break
            time.sleep(0.1)
        yield url
    finally:
        process.terminate()
        process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def seconds(step):
    began, ended = (datetime.datetime.fromisoformat(step[k].replace("Z", "+00:00")) for k in ("started_at", "finished_at"))
    return (ended - began).total_seconds()


def measure(title, ours, peer_name, peer):
    """Runs both in turn. What `ours` returns: seconds of the whole process, of the step, rows."""
    _, _, rows = ours()
    peer()
    whole, step, peers = [], [], []
    for _ in range(ROUNDS):
        a, b, _ = ours()
        whole.append(a)
        step.append(b)
        peers.append(peer())
    print(f"{title}: {rows} rows, {ROUNDS} rounds in turn")
    for name, times in (("sql_copy, its step", step), ("sql_copy, whole process", whole), (peer_name, peers)):
        median = statistics.median(times)
        print(f"{name:32} median {median:.2f} s, min {min(times):.2f} s, {rows / median / 1000:.0f} k rows/s")
    ratio = statistics.median(step) / statistics.median(peers)
    print(f"ratio of the medians to the pipe: step {ratio:.2f}, "
          f"whole process {statistics.median(whole) / statistics.median(peers):.2f}")


def pipe(first, second):
    """Seconds of two commands with a pipe between them."""
    began = time.monotonic()
    export = subprocess.Popen(first, stdout=subprocess.PIPE)
    subprocess.run(second, check=True, stdin=export.stdout)
    export.wait()
    return time.monotonic() - began


def main(nomaflow, source):
    source = os.path.abspath(source)
    with postgres() as url, tempfile.TemporaryDirectory() as home:
        subprocess.run(["psql", url, "-qc", "create database mirror"], check=True)
        mirror = url.rsplit("/", 1)[0] + "/mirror"
        subprocess.run([nomaflow, "init", home], check=True, stdout=subprocess.DEVNULL)
        pool = "[pools.{0}]\nurl = \"{1}\"\n[connectors.{0}]\ntype = \"sql\"\npool = \"{0}\"\n"
        home = pathlib.Path(home)
        pools = (("ops", f"sqlite:{source}"), ("reporting", url), ("mirror", mirror))
        (home / "connectors.toml").write_text("".join(pool.format(*p) for p in pools))
        (home / "plugins/bench").mkdir(parents=True)
        jobs = JOB.format("load", "ops", "reporting") + JOB.format("copy", "reporting", "mirror")
        (home / "plugins/bench/jobs.toml").write_text(jobs)
        command = [nomaflow, "--home", str(home), "--json", "--local", "job"]

        def ours(job):
            began = time.monotonic()
            subprocess.run([*command, "run", job], check=True, stdout=subprocess.DEVNULL)
            whole = time.monotonic() - began
            runs = json.loads(subprocess.check_output([*command, "history", job, "--limit", "1"]))
            show = [nomaflow, "--home", str(home), "--json", "--local", "run", "show", runs["runs"][0]["id"]]
            step = json.loads(subprocess.check_output(show))["steps"][0]
            return whole, seconds(step), step["output"]["target_rows"]

        # The peers' tables have the columns that the copies make, without keys on either side.
        ours("load")
        ours("copy")
        for at in (url, mirror):
            subprocess.run(["psql", at, "-qc", "create table piped (like flights)"], check=True)
        replace = ["psql", "-q", "-1", "-c", "delete from piped", "-c"]
        measure("SQLite to PostgreSQL", lambda: ours("load"), "sqlite3 -csv | psql \\copy",
                lambda: pipe(["sqlite3", "-csv", source, "select * from flights"],
                             [*replace, "\\copy piped from pstdin csv", url]))
        measure("PostgreSQL to PostgreSQL", lambda: ours("copy"), "psql copy to | psql copy from",
                lambda: pipe(["psql", url, "-qc", "\\copy flights to pstdout binary"],
                             [*replace, "\\copy piped from pstdin binary", mirror]))


if __name__ == "__main__":
    main(*sys.argv[1:])

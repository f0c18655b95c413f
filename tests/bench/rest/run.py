#!/usr/bin/env python3
"""Runs a second, from a request to durable history, for a job that does next to nothing (`select 1`); beside it the same rows
written by pgbench as raw SQL on the same PostgreSQL server, graphile-worker (npm) and APScheduler 4 on SQLAlchemy (PyPI), each
with an empty job. What is missing is installed into a folder of its own under target/.

    python3 tests/bench/rest/run.py target/release/nomaflow [runs]

Nomaflow gets each run by a request of its own over 16 connections and records the run, its step and its log; the queues get
theirs through their own client in the same process and keep nothing of a job that is done. So they do less.
"""

import contextlib
import http.client
import json
import pathlib
import queue
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "copy"))
import servers  # noqa: E402

CONNECTIONS, PLACES = 16, 64
JOB = """
[[jobs]]
id = "nothing"
overlap = "allow"
[[jobs.steps]]
name = "nothing"
type = "sql_query"
connector = "db"
query = "select 1"
"""
CONNECTOR = '[pools.db]\nurl = "sqlite:data/x.db"\npool_size = 8\n[connectors.db]\ntype = "sql"\npool = "db"\n'

# What a run writes, in as many transactions as Nomaflow takes.
RAW = """
\\set n random(1, 9999999999999)
begin;
insert into ly2_job_runs (id, job_id, status, triggered_by, queued_at, step_count, log_level, params, overrides, owner, exclusive)
  values (lpad(:n::text, 13, '0'), 'raw', 'QUEUED', 'api', now(), 1, 'INFO', '{}', '{}', 'pgbench/1/1', false);
insert into ly2_step_runs (run_id, step_index, attempt, step_name, step_type, status)
  values (lpad(:n::text, 13, '0'), 0, 1, 'nothing', 'sql_query', 'PENDING');
commit;
begin;
update ly2_job_runs set status = 'RUNNING', started_at = now() where id = lpad(:n::text, 13, '0') and status = 'QUEUED';
update ly2_step_runs set status = 'RUNNING', started_at = now(), input = '{"query": "select 1"}'
  where run_id = lpad(:n::text, 13, '0') and step_index = 0 and attempt = 1;
commit;
insert into ly2_job_logs (run_id, seq, at, level, attempt, message) values
  (lpad(:n::text, 13, '0'), 0, now(), 'INFO', 0, 'run started'), (lpad(:n::text, 13, '0'), 1, now(), 'INFO', 1, 'step started'),
  (lpad(:n::text, 13, '0'), 2, now(), 'INFO', 1, 'step succeeded'), (lpad(:n::text, 13, '0'), 3, now(), 'INFO', 0, 'run succeeded');
begin;
update ly2_step_runs set status = 'SUCCEEDED', finished_at = now(), rows_affected = 0, output = '{"rows": [{"1": 1}]}'
  where run_id = lpad(:n::text, 13, '0') and step_index = 0 and attempt = 1;
update ly2_job_runs set status = 'SUCCEEDED', finished_at = now(), steps_done = 1 where id = lpad(:n::text, 13, '0');
commit;
"""


@contextlib.contextmanager
def serving(nomaflow, store):
    with tempfile.TemporaryDirectory() as home:
        subprocess.run([nomaflow, "init", home], check=True, stdout=subprocess.DEVNULL)
        app = pathlib.Path(home, "plugins/bench")
        app.mkdir(parents=True)
        (app / "jobs.toml").write_text(JOB)
        pathlib.Path(home, "connectors.toml").write_text(CONNECTOR)
        sqlite3.connect(pathlib.Path(home, "data/x.db")).execute("create table t (x)").close()
        pathlib.Path(home, "app.toml").write_text(f'[jobs]\nmax_concurrent_runs = {PLACES}\n[store]\nurl = "{store}"\n')
        server = subprocess.Popen([nomaflow, "--home", home, "serve", "--listen", "127.0.0.1:0"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        try:
            address = next((line.split()[-1] for line in server.stdout if "listening" in line), None)
            if address is None:
                sys.exit("rest: the server did not start")
            token = pathlib.Path(home, "data/bootstrap.token").read_text().strip()
            yield address.removeprefix("http://"), token
        finally:
            server.terminate()
            server.wait(60)


def fire(address, token, count):
    """Seconds from the first request until every run is over."""
    work = queue.SimpleQueue()
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    for _ in range(count):
        work.put(b"{}")

    def ask(connection, method, path, body=None):
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"rest: {answer.status} {text[:200]}")
        return json.loads(text)

    def post():
        connection = http.client.HTTPConnection(address)
        with contextlib.suppress(queue.Empty):
            while True:
                ask(connection, "POST", "/admin/jobs/nothing/run", work.get_nowait())

    began = time.monotonic()
    threads = [threading.Thread(target=post) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    connection = http.client.HTTPConnection(address)
    while ask(connection, "GET", "/admin/jobs/runs?status=queued,running&limit=1")["runs"]:
        time.sleep(0.02)
    took = time.monotonic() - began
    failed = ask(connection, "GET", "/admin/jobs/runs?status=failed,canceled,skipped&limit=1")["runs"]
    if failed:
        sys.exit(f"rest: a run did not succeed: {failed[0]}")
    return took


def show(title, count, seconds, peer=None):
    ratio = f", {count / seconds / peer:.2f} of pgbench" if peer else ""
    print(f"{title:46} {count / seconds:8.0f} runs/s{ratio}", flush=True)
    return count / seconds


def pgbench(url, count):
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(RAW)
        script.flush()
        each = count // CONNECTIONS
        command = [servers.find("pgbench", "postgresql-contrib"), "-n", "-M", "prepared", "-c", str(CONNECTIONS), "-j", "2",
                   "-t", str(each), "-f", script.name, url]
        began = time.monotonic()
        subprocess.run(command, check=True, capture_output=True)
        return each * CONNECTIONS, time.monotonic() - began


def graphile(folder, url, count):
    if not (folder / "node_modules/graphile-worker").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(folder), "graphile-worker@0.16"]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    (folder / "worker.mjs").write_text((HERE / "worker.mjs").read_text())
    answer = subprocess.run(["node", "worker.mjs", url, str(count)], cwd=folder, check=True, capture_output=True, text=True)
    return float(answer.stdout.split()[-1])


def apscheduler(folder, url, count):
    python = folder / "bin/python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        packages = ["apscheduler[asyncpg,sqlalchemy]==4.0.0a6", "sniffio"]
        subprocess.run([str(folder / "bin/pip"), "install", "-q", *packages], check=True)
    url = url.replace("postgres://", "postgresql+asyncpg://")
    answer = subprocess.run([str(python), str(HERE / "aps.py"), url, str(count)], check=True, capture_output=True, text=True)
    return float(answer.stdout.split()[-1])


def main(nomaflow, count):
    target = HERE.parents[2] / "target/bench-rest"
    with serving(nomaflow, "sqlite:data/n.db") as (address, token):
        fire(address, token, 200)
        show("Nomaflow, SQLite", count, fire(address, token, count))
    with servers.postgres() as base:
        url = f"{base}/postgres"
        with serving(nomaflow, url) as (address, token):
            fire(address, token, 200)
            took = fire(address, token, count)
            pgbench(url, 320)
            raw, seconds = pgbench(url, count)
            show("Nomaflow, PostgreSQL", count, took, raw / seconds)
            show("pgbench, the same rows as raw SQL", raw, seconds)
        show("graphile-worker, empty jobs", count, graphile(target / "graphile", url, count))
        some = min(count, 500)
        show("APScheduler 4, SQLAlchemy on asyncpg", some, apscheduler(target / "apscheduler", url, some))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3000)

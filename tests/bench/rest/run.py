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
import sqlite3
import subprocess
import sys
import tempfile
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

# The rows of a run asked for by a request, with those of the audit and of the log's index, in as many transactions as
# Nomaflow takes at best. The audit goes into a table like the real one, whose triggers let only a chain of hashes in.
TABLES = "create table raw_audit (like ly2_audit including all)"
AUDIT = ("insert into raw_audit (seq, at, username, source, address, action, object, outcome, detail, closes, previous, hash) "
         "values ({0}, now(), 'admin', 'api', '127.0.0.1', 'jobs.run', 'nothing', {1}, {2}, {3}, "
         "md5(({0} - 1)::text) || md5('a'), md5(({0})::text) || md5('a'));")
RAW = """
\\set n random(1, 999999999999)
begin;
""" + AUDIT.format("2 * :n::bigint", "'begun'", "'{}'", "null") + """
insert into ly2_job_runs (id, job_id, status, triggered_by, queued_at, step_count, log_level, params, overrides, owner, exclusive)
  values (lpad(:n::text, 13, '0'), 'raw', 'QUEUED', 'api', now(), 1, 'INFO', '{}', '{}', 'pgbench/1/1', false);
insert into ly2_step_runs (run_id, step_index, attempt, step_name, step_type, status)
  values (lpad(:n::text, 13, '0'), 0, 1, 'nothing', 'sql_query', 'PENDING');
""" + AUDIT.format("2 * :n::bigint + 1", "'done'", """'{"status":202,"run_id":"1m83w6xckdp65","job_id":"nothing"}'""", "2 * :n::bigint") + """
commit;
begin;
update ly2_job_runs set status = 'RUNNING', started_at = now() where id = lpad(:n::text, 13, '0') and status = 'QUEUED';
update ly2_step_runs set status = 'RUNNING', started_at = now(), input = '{"query": "select 1"}'
  where run_id = lpad(:n::text, 13, '0') and step_index = 0 and attempt = 1;
commit;
begin;
insert into ly2_job_logs (run_id, seq, at, level, step, attempt, message) values
  (lpad(:n::text, 13, '0'), 0, now(), 'INFO', null, 0, 'run started: job `nothing`, triggered by api'),
  (lpad(:n::text, 13, '0'), 1, now(), 'INFO', null, 0, 'step `nothing` started: sql_query'),
  (lpad(:n::text, 13, '0'), 2, now(), 'INFO', 'nothing', 1, '1 rows returned in 0 ms'),
  (lpad(:n::text, 13, '0'), 3, now(), 'INFO', null, 0, 'step `nothing` succeeded in 10 ms, 1 rows'),
  (lpad(:n::text, 13, '0'), 4, now(), 'INFO', null, 0, 'run succeeded');
insert into ly2_log_blocks (run_id, job, first_seq, last_seq, first_at, last_at, words) values
  (lpad(:n::text, 13, '0'), 1, 0, 4, now(), now(), array_to_tsvector(array['0', '1', '10', 'api', 'by', 'in', 'job', 'ms', 'nothing',
   'query', 'returned', 'rows', 'run', 'sql', 'started', 'step', 'succeeded', 'triggered', '§d739943', '§j1', '§m24322']));
commit;
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
    """Seconds from the first request until every run is over. ApacheBench asks: it takes little of the processors from what
    is measured, as pgbench does."""

    def ask(path):
        connection = http.client.HTTPConnection(address)
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            sys.exit(f"rest: {answer.status} {text[:200]}")
        return json.loads(text)

    with tempfile.NamedTemporaryFile() as body:
        body.write(b"{}")
        body.flush()
        command = [servers.find("ab", "apache2-utils"), "-q", "-k", "-n", str(count), "-c", str(CONNECTIONS), "-p", body.name,
                   "-T", "application/json", "-H", f"Authorization: Bearer {token}",
                   f"http://{address}/admin/jobs/nothing/run"]
        began = time.monotonic()
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if f"Complete requests:      {count}" not in said or "Non-2xx" in said:
        sys.exit(f"rest: not every request was taken:\n{said}")
    while ask("/admin/jobs/runs?status=queued,running&limit=1")["runs"]:
        time.sleep(0.02)
    took = time.monotonic() - began
    failed = ask("/admin/jobs/runs?status=failed,canceled,skipped&limit=1")["runs"]
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
            subprocess.run(["psql", url, "-qc", TABLES], check=True)
            pgbench(url, 320)
            raw, seconds = pgbench(url, count)
            show("Nomaflow, PostgreSQL", count, took, raw / seconds)
            show("pgbench, the same rows as raw SQL", raw, seconds)
        show("graphile-worker, empty jobs", count, graphile(target / "graphile", url, count))
        some = min(count, 500)
        show("APScheduler 4, SQLAlchemy on asyncpg", some, apscheduler(target / "apscheduler", url, some))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 3000)

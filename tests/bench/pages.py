#!/usr/bin/env python3
"""What pages ask for, over a full store: the list of 5,000 jobs, a week of 500 scheduled jobs, a search in a log of 200,000
lines, pages of a history of a million runs. Prints for each the median and the 95th percentile over HTTP on loopback, the
server's processor time, which other work on the machine hardly changes, and the size of the answer as it is and as a browser
gets it (gzip). NOMAFLOW_BENCH_RUNS changes the million.

    python3 tests/bench/pages.py target/release/nomaflow
"""

import contextlib
import http.client
import os
import pathlib
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time

RUNS = int(os.environ.get("NOMAFLOW_BENCH_RUNS", "1000000"))
TICK_MS = 1000 / os.sysconf("SC_CLK_TCK")
JOBS, LINES, DIGITS = 5000, 200_000, "0123456789abcdefghjkmnpqrstvwxyz"
STEP = '[[jobs.steps]]\nname = "q"\ntype = "sql_query"\nconnector = "db"\nquery = "select 1"\n'
CONNECTOR = '[pools.db]\nurl = "sqlite:data/x.db"\n[connectors.db]\ntype = "sql"\npool = "db"\n'
RHYTHMS = ("*/5 * * * *", "*/15 6-20 * * 1-5", "0 * * * *", "30 2 * * *", "0 7,12,18 * * 1-5", "15 4 * * 0")


def job(number, scheduled):
    more = f'schedule = "{RHYTHMS[number % len(RHYTHMS)]}"\ntimezone = "Europe/Paris"\n' if scheduled else ""
    return f'[[jobs]]\nid = "job-{number:04}"\ndescription = "Copies what was changed in table {number}"\n{more}{STEP}'


@contextlib.contextmanager
def serving(nomaflow, home):
    command = [nomaflow, "--home", str(home), "serve", "--listen", "127.0.0.1:0"]
    env = os.environ | {"LIBERTY_SCHEDULER_ENABLED": "false"}
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=env)
    try:
        address = next((line.split()[-1] for line in server.stdout if "listening" in line), None)
        if address is None:
            sys.exit("pages: the server did not start")
        connection = http.client.HTTPConnection(address.removeprefix("http://"))
        token = pathlib.Path(home, "data/bootstrap.token").read_text().strip()

        def get(path, **headers):
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}", **headers})
            answer = connection.getresponse()
            body = answer.read()
            if answer.status != 200:
                sys.exit(f"pages: {path}: {answer.status} {body[:300]}")
            return body

        get.processor_ms = lambda: sum(map(int, pathlib.Path(f"/proc/{server.pid}/stat").read_text().split()[13:15])) * TICK_MS
        yield get
    finally:
        server.terminate()
        server.wait(60)


def home(nomaflow, folder, jobs, scheduled):
    path = pathlib.Path(folder)
    subprocess.run([nomaflow, "init", folder], check=True, stdout=subprocess.DEVNULL)
    (path / "plugins/bench").mkdir(parents=True)
    (path / "plugins/bench/jobs.toml").write_text("\n".join(job(n, scheduled) for n in range(jobs)))
    (path / "connectors.toml").write_text(CONNECTOR)
    return path


def measure(title, get, path, goal, times=40):
    get(path)
    taken, worked = [], get.processor_ms()
    for _ in range(times):
        began = time.perf_counter()
        body = get(path)
        taken.append((time.perf_counter() - began) * 1000)
    worked = (get.processor_ms() - worked) / times
    taken.sort()
    sent = len(get(path, **{"Accept-Encoding": "gzip"}))
    print(f"{title:44} p50 {statistics.median(taken):7.1f} ms, p95 {taken[int(times * 0.95)]:7.1f} ms (goal {goal} ms), "
          f"processor {worked:5.1f} ms, "
          f"{len(body) / 1000:.0f} kB, {sent / 1000:.0f} kB as gzip", flush=True)


def run_id(number):
    """As `RunId` prints it, a second apart."""
    value = (1_790_000_000_000 + number * 1000) << 20
    return "".join(DIGITS[value >> shift & 31] for shift in range(60, -1, -5))


def fill(db, runs):
    """Runs of all jobs in turn, one in fifty failed, one in a hundred by hand; a log of many lines for the newest."""
    def rows():
        for n in range(runs):
            at, end = (time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(1_790_000_000 + n + more)) for more in (0, n % 40))
            error = "step `q`: the server refused the connection" if n % 50 == 0 else None
            by = "api" if n % 200 == 7 else "user:alice" if n % 200 == 107 else "cron"
            yield (run_id(n), f"job-{n % JOBS:04}", "FAILED" if error else "SUCCEEDED", error, by, at, at, end)
    db.executemany("insert into ly2_job_runs (id, job_id, status, error, triggered_by, queued_at, started_at, finished_at, "
                   "step_count, steps_done, log_level, params, overrides, owner, exclusive) "
                   "values (?, ?, ?, ?, ?, ?, ?, ?, 1, 1, 'INFO', '{}', '{}', 'h/1/1', 1)", rows())
    last = run_id(runs - 1)
    lines = ((last, n, f"2026-09-21T10:00:00.{n % 1000:03}Z", "q",
              f"row {n}: copied {n * 7} of 1400000 from the warehouse table ORDERS_{n % 97}" + (" needle" if n % 9973 == 0 else ""))
             for n in range(LINES))
    db.executemany("insert into ly2_job_logs (run_id, seq, at, level, step, attempt, message) values (?, ?, ?, 'INFO', ?, 1, ?)", lines)
    db.commit()
    return last


def main(nomaflow):
    with tempfile.TemporaryDirectory() as folder:
        path = home(nomaflow, folder, 500, True)
        with serving(nomaflow, path) as get:
            measure("a week of 500 scheduled jobs", get, "/admin/schedule", 300)
    with tempfile.TemporaryDirectory() as folder:
        path = home(nomaflow, folder, JOBS, False)
        with serving(nomaflow, path) as get:
            measure(f"{JOBS} jobs that never ran", get, "/admin/jobs", 50)
        db = sqlite3.connect(path / "data/nomaflow.db")
        began = time.monotonic()
        last = fill(db, RUNS)
        db.close()
        print(f"({RUNS} runs written in {time.monotonic() - began:.0f} s)", flush=True)
        with serving(nomaflow, path) as get:
            measure(f"{JOBS} jobs, each with runs", get, "/admin/jobs", 50)
            measure(f"{JOBS} jobs, each with its last 10 runs", get, "/admin/jobs?recent=10", 50)
            day = "&from=2026-09-22T00:00:00Z&to=2026-09-23T00:00:00Z"
            few = "&job=" + ",".join(f"job-{n:04}" for n in range(0, JOBS, JOBS // 20))
            for title, query in (("first page", ""), ("of a job", "&job=job-0007"), ("of 20 jobs", few), ("failed", "&status=failed"),
                                 ("running", "&status=running"), ("failed, of a job", "&status=failed&job=job-0050"),
                                 ("in the middle", f"&before={run_id(RUNS // 2)}"), ("of a trigger", "&trigger=api"),
                                 ("of a person", "&trigger=user:alice"), ("of nobody", "&trigger=user:nobody"), ("of a day", day),
                                 ("of a day, failed, of a trigger", f"{day}&status=failed&trigger=cli"),
                                 ("with an error", "&q=refused+the"), ("with a text nobody has", "&q=no-such-text"),
                                 ("with a part of an id", "&q=5zzzz"), ("long ones", "&min_seconds=39"),
                                 ("that long there is none", "&min_seconds=4000")):
                measure(f"runs of {RUNS}: {title}", get, f"/admin/jobs/runs?limit=50{query}", 200, 40)
                if "before" not in query:
                    measure(f"runs of {RUNS}: {title}, as a picture", get, f"/admin/jobs/runs/plot?{query[1:]}", 200, 40)
            for text in ("needle", "NO-SUCH-LINE", "orders_9"):
                measure(f"search `{text}` in {LINES} lines", get, f"/admin/jobs/runs/{last}/logs/search?q={text}", 350, 12)


if __name__ == "__main__":
    main(*sys.argv[1:])

#!/usr/bin/env python3
"""A million rows from a connector into a Python step, from SQLite and from PostgreSQL: as Arrow, beside rows of Python
objects, in turn in one run of one job. Prints.

    python3 tests/bench/python.py target/release/nomaflow interpreter-with-pandas-polars-and-pyarrow
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).parent / "copy"))
import servers  # noqa: E402

ROUNDS = int(os.environ.get("NOMAFLOW_BENCH_ROUNDS", "3"))
CONNECTORS = """
[pools.sqlite]
url = "sqlite:data/bench.db"
[connectors.sqlite]
type = "sql"
[pools.postgres]
url = "{}/postgres"
[connectors.postgres]
type = "sql"
"""
JOB = '[[jobs]]\nid = "fetch"\n[[jobs.steps]]\nname = "s"\ntype = "python"\ncallable = "fetching:fetch"\ntimeout_seconds = 900\nop_kwargs = {{ rounds = {} }}\n'
CODE = '''
import time

import pandas
import polars


def fetch(ctx, *, rounds: int):
    return {name: fetch_from(ctx.get_connector(name), rounds) for name in ("sqlite", "postgres")}


def fetch_from(db, rounds):
    sql = "select * from t"
    best = {}

    def took(name, work):
        began = time.perf_counter()
        n = work()
        assert n == 1_000_000, n
        best[name] = min(best.get(name, 1e9), time.perf_counter() - began)

    for _ in range(rounds):
        took("arrow", lambda: db.arrow(sql).to_arrow().num_rows)
        took("polars", lambda: db.arrow(sql).to_polars().height)
        took("pandas", lambda: len(db.arrow(sql).to_pandas()))
        took("query", lambda: sum(len(db.query(f"{sql} where id > {n} and id <= {n + 250_000}")) for n in range(0, 1_000_000, 250_000)))
        took("stream", lambda: sum(len(batch) for batch in db.stream(sql, batch_size=10_000)))
        took("dicts to pandas", lambda: len(pandas.DataFrame([row for batch in db.stream(sql, batch_size=10_000) for row in batch])))
    return best
'''
FILL = {
    "sqlite": """
create table t (id integer primary key, station integer, name text, value real, at timestamp);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000)
insert into t select i, i % 977, 'station ' || (i % 977), i * 0.37, '2026-11-22 10:00:' || printf('%02d', i % 60) from n;
""",
    "postgres": """
create table t (id bigint primary key, station bigint, name text, value double precision, at timestamp);
insert into t select i, i % 977, 'station ' || (i % 977), i * 0.37, timestamp '2026-11-22 10:00:00' + (i % 60) * interval '1 s'
from generate_series(1, 1000000) i;
analyze t;
""",
}


def main(nomaflow, interpreter):
    nomaflow = os.path.abspath(nomaflow)
    with tempfile.TemporaryDirectory(prefix="nomaflow-bench-") as folder, servers.postgres() as postgres:
        home = pathlib.Path(folder, "home")
        subprocess.run([nomaflow, "init", home], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        (home / "plugins/bench").mkdir(parents=True)
        (home / "connectors.toml").write_text(CONNECTORS.format(postgres))
        (home / "plugins/bench/jobs.toml").write_text(JOB.format(ROUNDS))
        (home / "plugins/bench/fetching.py").write_text(CODE)
        subprocess.run(["sqlite3", home / "data/bench.db"], input=FILL["sqlite"], text=True, check=True)
        subprocess.run(["psql", f"{postgres}/postgres", "-q"], input=FILL["postgres"], text=True, check=True)
        local = [nomaflow, "--home", home, "--json", "--local"]
        # All rows as objects at once take a gigabyte.
        env = os.environ | {"NOMAFLOW_PYTHON_INTERPRETER": os.path.abspath(interpreter), "NOMAFLOW_PYTHON_MEMORY_MB": "8192"}
        ask = {"stdout": subprocess.PIPE, "text": True, "stdin": subprocess.DEVNULL, "env": env}
        ran = subprocess.run([*local, "job", "run", "fetch"], **ask)
        if ran.returncode:
            sys.exit(f"python: the job failed: {ran.stdout}")
        run = json.loads(ran.stdout.splitlines()[-1])["id"]
        shown = subprocess.run([*local, "run", "show", run], check=True, **ask).stdout
    for source, best in json.loads(shown)["steps"][0]["output"].items():
        rows = best["stream"]
        print(f"a million rows of five columns from {source}, best of {ROUNDS}: {rows:.2f} s as dicts in batches, {best['query']:.2f} s by `query`")
        for name in ("arrow", "polars", "pandas"):
            print(f"  as {name} {best[name]:.2f} s: {rows / best[name]:.1f} times as fast as batches of dicts, {best['query'] / best[name]:.1f} as `query`")
        print(f"  dicts into pandas {best['dicts to pandas']:.2f} s: {best['dicts to pandas'] / best['pandas']:.1f} times as long as `to_pandas()`")


if __name__ == "__main__":
    main(*sys.argv[1:])

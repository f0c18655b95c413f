#!/usr/bin/env python3
"""A million rows from SQLite into a Python step: as Arrow, beside rows of Python objects, in one run of one job. Prints.

    python3 tests/bench/python.py target/release/nomaflow interpreter-with-polars
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile

ROUNDS = int(os.environ.get("NOMAFLOW_BENCH_ROUNDS", "3"))
CONNECTORS = '[pools.db]\nurl = "sqlite:data/bench.db"\n[connectors.db]\ntype = "sql"\npool = "db"\n'
JOB = '[[jobs]]\nid = "fetch"\n[[jobs.steps]]\nname = "s"\ntype = "python"\ncallable = "fetching:fetch"\nop_kwargs = {{ rounds = {} }}\n'
CODE = '''
import time

import polars


def fetch(ctx, *, rounds: int):
    db = ctx.get_connector("db")
    sql = "select * from t"
    best = {"arrow": 1e9, "polars": 1e9, "rows": 1e9}

    def took(name, work):
        began = time.perf_counter()
        n = work()
        assert n == 1_000_000, n
        best[name] = min(best[name], time.perf_counter() - began)

    for _ in range(rounds):
        took("arrow", lambda: db.arrow(sql).to_polars().height)
        took("rows", lambda: sum(len(batch) for batch in db.stream(sql, batch_size=10_000)))
        took("polars", lambda: sum(polars.DataFrame(batch).height for batch in db.stream(sql, batch_size=10_000)))
    return best
'''
FILL = """
create table t (id integer, station integer, name text, value real, at timestamp);
with recursive n(i) as (select 1 union all select i + 1 from n where i < 1000000)
insert into t select i, i % 977, 'station ' || (i % 977), i * 0.37, '2026-11-22 10:00:' || printf('%02d', i % 60) from n;
"""


def main(nomaflow, interpreter):
    nomaflow = os.path.abspath(nomaflow)
    with tempfile.TemporaryDirectory(prefix="nomaflow-bench-") as folder:
        home = pathlib.Path(folder, "home")
        subprocess.run([nomaflow, "init", home], check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        (home / "plugins/bench").mkdir(parents=True)
        (home / "connectors.toml").write_text(CONNECTORS)
        (home / "plugins/bench/jobs.toml").write_text(JOB.format(ROUNDS))
        (home / "plugins/bench/fetching.py").write_text(CODE)
        subprocess.run(["sqlite3", home / "data/bench.db"], input=FILL, text=True, check=True)
        local = [nomaflow, "--home", home, "--json", "--local"]
        env = os.environ | {"NOMAFLOW_PYTHON_INTERPRETER": interpreter}
        ask = {"check": True, "stdout": subprocess.PIPE, "text": True, "stdin": subprocess.DEVNULL, "env": env}
        said = subprocess.run([*local, "job", "run", "fetch"], **ask).stdout
        run = json.loads(said.splitlines()[-1])["id"]
        best = json.loads(subprocess.run([*local, "run", "show", run], **ask).stdout)["steps"][0]["output"]
    arrow = best["arrow"]
    print(f"a million rows of five columns, best of {ROUNDS}: as Arrow into polars {arrow:.2f} s, as dicts {best['rows']:.2f} s "
          f"({best['rows'] / arrow:.1f} times as long), as dicts into polars {best['polars']:.2f} s ({best['polars'] / arrow:.1f} times)")


if __name__ == "__main__":
    main(*sys.argv[1:])

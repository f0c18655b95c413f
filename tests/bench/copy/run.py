#!/usr/bin/env python3
"""Copies a table of a million rows by `sql_copy` and by other tools, each in turn, round after round, between private
servers, and prints seconds, rows per second, peak memory and the ratio to the databases' own client programs.

    python3 tests/bench/copy/run.py target/release/nomaflow [PAIR ...]

Pairs: pg-pg sqlite-pg maria-pg pg-sqlite pg-maria; all of them unless some are named. NOMAFLOW_BENCH_ROWS and
NOMAFLOW_BENCH_ROUNDS change the size. pgloader takes part where it is installed; Sling, dlt and SQLAlchemy where
NOMAFLOW_BENCH_PYTHON names a Python that has
`sling-linux-amd64==1.4.11 dlt[postgres] sqlalchemy[asyncio] asyncpg psycopg2-binary pyarrow`.
"""

import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

import measure
import rows
import servers
import tools

ROWS = int(os.environ.get("NOMAFLOW_BENCH_ROWS", "1000000"))
ROUNDS = int(os.environ.get("NOMAFLOW_BENCH_ROUNDS", "3"))


def count(place, pair):
    """How many rows the target has."""
    ask = "select count(*), sum(id) from dst"
    command = {"pg": ["psql", place["mirror"], "-Atc", ask], "sqlite": ["sqlite3", place["lite"], ask],
               "maria": [*place["client"], "-BNe", ask]}[pair.split("-")[1]]
    return subprocess.check_output(command, text=True).split("|")[0].split()[0]


def race(pair, place, env):
    """All tools that know the pair, in turn."""
    entrants, results = [], {}
    for tool in tools.all_tools(place):
        if pair in tool.pairs:
            why = tool.missing()
            if why:
                print(f"  without {tool.name}: {why}")
                continue
            if isinstance(tool, tools.Nomaflow):
                tool.prepare()
            entrants.append(tool)
    for turn in range(ROUNDS + 1):
        for tool in list(entrants):
            try:
                result = measure.run(*tool.commands(pair), env=env)
            except RuntimeError as error:
                print(f"  without {tool.name}: {error}")
                entrants.remove(tool)
                results.pop(tool.name, None)
                continue
            if turn == 0 and tool.is_counted and count(place, pair) != str(ROWS):
                sys.exit(f"copy: {tool.name} copied {count(place, pair)} of {ROWS} rows")
            if turn > 0:
                results.setdefault(tool.name, []).append(result)
    return results


def show(pair, results, idle):
    peers = results.get("client programs")
    base = statistics.median(s for s, _ in peers) if peers else None
    print(f"\n{pair}: {ROWS} rows of {len(rows.COLUMNS)} columns, {ROUNDS} rounds in turn")
    print(f"  {'':22}{'median s':>9}{'min s':>8}{'k rows/s':>10}{'peak MB':>9}{'rate to pipe':>14}")
    for name, taken in results.items():
        seconds = [s for s, _ in taken]
        median, peak = statistics.median(seconds), max(b for _, b in taken) / 1e6
        ratio = f"{base / median:.2f}" if base else ""
        print(f"  {name:22}{median:9.2f}{min(seconds):8.2f}{ROWS / median / 1000:10.0f}{peak:9.0f}{ratio:>14}")
    if "nomaflow" in results and idle:
        peak = max(b for _, b in results["nomaflow"])
        print(f"  nomaflow's memory beyond a run that does nothing: {(peak - idle) / 1e6:.0f} MB")


def main(nomaflow, *pairs):
    pairs = pairs or tools.Nomaflow.pairs
    with tempfile.TemporaryDirectory(prefix="nomaflow-bench-") as folder, servers.postgres() as url, \
            servers.mariadb() as maria:
        for name in ("mirror", "loaded"):
            subprocess.run(["psql", f"{url}/postgres", "-qc", f"create database {name}"], check=True)
        client = ["mariadb", "--no-defaults", "-h", "127.0.0.1", "-P", str(maria), "-u", "bench", "-pbench",
                  "--local-infile=1", "--default-character-set=utf8mb4", "bench"]
        place = {"postgres": f"{url}/postgres", "mirror": f"{url}/mirror", "loaded": f"{url}/loaded", "maria": maria,
                 "client": client, "sqlite": f"{folder}/src.db", "lite": f"{folder}/dst.db", "folder": folder,
                 "nomaflow": os.path.abspath(nomaflow), "python": os.environ.get("NOMAFLOW_BENCH_PYTHON")}
        rows.fill_postgres(place["postgres"], ROWS)
        if "pg-pg" in pairs:
            rows.fill_keyed(place["postgres"])
        if any(pair.startswith("sqlite") for pair in pairs):
            rows.fill_sqlite(place["postgres"], place["sqlite"])
        if any(pair.startswith("maria") for pair in pairs):
            rows.fill_mariadb(place["postgres"], client)
        subprocess.run(["psql", place["mirror"], "-qc", rows.POSTGRES.format("dst")], check=True)
        subprocess.run(["sqlite3", place["lite"], "pragma journal_mode = wal", rows.SQLITE.format("dst")], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run([*client, "-e", rows.MARIADB.format("dst")], check=True)
        env = tools.environment()
        idle = tools.Nomaflow(place, "idle")
        idle.prepare()
        _, idle_bytes = measure.run(*idle.commands("nothing"), env=env)
        for pair in pairs:
            results = race(pair, {**place, "folder": str(pathlib.Path(tempfile.mkdtemp(dir=folder)))}, env)
            show(pair, results, idle_bytes)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(*sys.argv[1:])

"""The tools that copy the table, each from and to what it can. `commands` gives the processes of one copy, joined by
pipes; `before` makes the target empty, outside the measured time where the tool would not do it itself."""

import os
import pathlib
import shutil
import sys

HERE = pathlib.Path(__file__).parent


class Tool:
    name = ""
    pairs = ()
    # Whether what it leaves in `dst` is counted.
    is_counted = False

    def __init__(self, place):
        """`place` has the addresses: postgres, mirror (URLs), sqlite, lite (paths), maria (port), client, folder."""
        self.place = place

    def missing(self):
        """What the machine lacks for this tool, or nothing."""
        return None

    def commands(self, pair):
        raise NotImplementedError


class Nomaflow(Tool):
    """The step as operators run it: staging table, row counts of both sides, swap."""

    pairs = ("pg-pg", "sqlite-pg", "maria-pg", "pg-sqlite", "pg-maria")
    is_counted = True

    def __init__(self, place, name="nomaflow", more="", table="src"):
        super().__init__(place)
        self.name, self.more, self.table = name, more, table

    def prepare(self):
        """One job for each pair, in a home of its own."""
        p, self.home = self.place, pathlib.Path(self.place["folder"]) / self.name.replace(" ", "-")
        (self.home / "plugins/bench").mkdir(parents=True)
        (self.home / "data").mkdir()
        urls = {"pg": p["postgres"], "mirror": p["mirror"], "sqlite": f"sqlite:{p['sqlite']}",
                "lite": f"sqlite:{p['lite']}", "maria": f"mysql://bench:bench@127.0.0.1:{p['maria']}/bench"}
        pools = "".join(f'[pools.{name}]\nurl = "{url}"\n[connectors.{name}]\ntype = "sql"\n' for name, url in urls.items())
        (self.home / "connectors.toml").write_text(pools)
        jobs = ""
        for pair in self.pairs:
            source, target = pair.split("-")
            target = {"pg": "mirror", "sqlite": "lite"}.get(target, target)
            jobs += (f'[[jobs]]\nid = "{pair}"\n[[jobs.steps]]\nname = "copy"\ntype = "sql_copy"\nmode = "overwrite"\n'
                     f'source = {{ connector = "{source}", table = "{self.table}" }}\n'
                     f'target = {{ connector = "{target}", table = "dst" }}\n{self.more}')
        jobs += '[[jobs]]\nid = "nothing"\n[[jobs.steps]]\nname = "one"\ntype = "sql_query"\nconnector = "lite"\nquery = "select 1"\n'
        (self.home / "plugins/bench/jobs.toml").write_text(jobs)

    def commands(self, pair):
        return [[self.place["nomaflow"], "--home", str(self.home), "--local", "job", "run", pair]]


class TwoReaders(Nomaflow):
    """Two readers that share the table out by its key, and one writer."""

    pairs = ("pg-pg",)

    def __init__(self, place):
        super().__init__(place, "nomaflow, 2 readers", "parallel = 2\n", "keyed")


class Pipe(Tool):
    """The fastest way the databases' own programs offer."""

    name = "client programs"
    is_counted = True
    pairs = Nomaflow.pairs

    def commands(self, pair):
        p = self.place
        load = ["psql", p["mirror"], "-q1", "-c", "truncate dst", "-c"]
        return {
            "pg-pg": [["psql", p["postgres"], "-qc", "\\copy src to pstdout binary"],
                      [*load, "\\copy dst from pstdin binary"]],
            "sqlite-pg": [["sqlite3", "-csv", p["sqlite"], "select * from src"], [*load, "\\copy dst from pstdin csv"]],
            "maria-pg": [[*p["client"], "-B", "-N", "--quick", "-e", "select * from src"],
                         ["sed", "-e", ":a;s/\\tNULL\\t/\\t\\\\N\\t/;ta;s/\\tNULL$/\\t\\\\N/"],
                         [*load, "\\copy dst from pstdin"]],
            "pg-sqlite": [["psql", p["postgres"], "-qc", "\\copy src to pstdout csv"],
                          ["sqlite3", p["lite"], "delete from dst", ".mode csv", ".import /dev/stdin dst"]],
            "pg-maria": [["psql", p["postgres"], "-qc", "\\copy src to pstdout"],
                         [*p["client"], "-e", "truncate table dst; load data local infile '/dev/stdin' into table dst "
                                              "character set utf8mb4"]],
        }[pair]


class Dump(Tool):
    name, pairs = "pg_dump | psql", ("pg-pg",)

    def commands(self, pair):
        p = self.place
        return [["pg_dump", "-a", "-t", "src", p["postgres"]],
                ["sed", "-e", "s/^COPY public.src /COPY public.dst /"],
                ["psql", p["mirror"], "-q1", "-c", "truncate dst", "-f", "-"]]


class Pgloader(Tool):
    name, pairs = "pgloader", ("pg-pg", "sqlite-pg")

    def missing(self):
        return None if shutil.which("pgloader") else "apt-get install pgloader"

    def commands(self, pair):
        p = self.place
        source = {"pg-pg": p["postgres"].replace("postgres://", "pgsql://"), "sqlite-pg": f"sqlite://{p['sqlite']}"}[pair]
        only = "including only table names matching 'src' in schema 'public'" if pair == "pg-pg" else \
            "including only table names like 'src'"
        target = p["loaded"].replace("postgres://", "pgsql://")
        script = pathlib.Path(p["folder"]) / f"{pair}.load"
        script.write_text(f"load database from {source} into {target}\n"
                          f"with include drop, create tables, prefetch rows = 10000\n{only};\n")
        return [["pgloader", "--quiet", str(script)]]


class Sling(Tool):
    name, pairs = "Sling", ("pg-pg", "sqlite-pg", "pg-sqlite")

    def missing(self):
        return None if self.place["python"] else "set NOMAFLOW_BENCH_PYTHON"

    def commands(self, pair):
        p = self.place
        source = f"sqlite://{p['sqlite']}" if pair == "sqlite-pg" else p["postgres"] + "?sslmode=disable"
        target = f"sqlite://{p['lite']}" if pair == "pg-sqlite" else p["mirror"] + "?sslmode=disable"
        # The package's own starter asks the internet for the program that the second package carries.
        sling = str(next(pathlib.Path(p["python"]).parent.parent.glob("lib/*/site-packages/sling_linux_amd64/bin/sling-*")))
        table = "main.slung" if pair == "pg-sqlite" else "public.slung"
        stream = "main.src" if pair == "sqlite-pg" else "public.src"
        return [[sling, "run", "--src-conn", source, "--src-stream", stream, "--tgt-conn", target, "--tgt-object", table,
                 "--mode", "full-refresh"]]


class InPython(Tool):
    """A library, by its program in `peers.py`."""

    pairs = ("pg-pg",)

    def __init__(self, place, name, word):
        super().__init__(place)
        self.name, self.word = name, word

    def missing(self):
        return None if self.place["python"] else "set NOMAFLOW_BENCH_PYTHON"

    def commands(self, pair):
        return [[self.place["python"], str(HERE / "peers.py"), self.word, self.place["postgres"], self.place["mirror"]]]


def all_tools(place):
    coerced = 'type_coercion = "jde"\n'
    return [Nomaflow(place), Nomaflow(place, "nomaflow, jde", coerced), TwoReaders(place), Pipe(place), Dump(place),
            Pgloader(place), Sling(place), InPython(place, "dlt, pyarrow", "dlt"), InPython(place, "SQLAlchemy, 5,000", "sqlalchemy"),
            InPython(place, "SQLAlchemy, jde", "sqlalchemy-jde")]


def environment():
    """What the tools may read; nothing of the caller's that would change a figure."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    return kept | {"NOMAFLOW_LOG": "warn", "SLING_DISABLE_TELEMETRY": "TRUE", "RUNTIME__DLTHUB_TELEMETRY": "false",
                   "PGTZ": "UTC", "PYTHONUNBUFFERED": "1"}


if __name__ == "__main__":
    sys.exit("tools.py is a part of run.py")

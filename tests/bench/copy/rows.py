"""The table every tool copies: 12 columns as a JD Edwards file has them, half of them short codes, one wide text."""

import sqlite3
import subprocess

COLUMNS = ["id", "kco", "line", "tick", "mcu", "name", "amount", "amount2", "julian", "day", "updated", "note"]
POSTGRES = """create table {0} (id bigint not null, kco char(5), line integer, tick char(2), mcu char(25),
  name varchar(60), amount numeric(15,2), amount2 numeric(15,2), julian integer, day date, updated timestamp,
  note varchar(200))"""
MARIADB = POSTGRES.replace("timestamp,", "datetime,")
SQLITE = POSTGRES
FILL = """insert into {0} select i, lpad((i % 97)::text, 5, '0'), (i % 1000)::int, chr(65 + (i % 26)::int) || 'X',
  'MCU' || (i % 5000), 'Société générale n° ' || i, (i * 7 % 100000000)::numeric / 100,
  case when i % 3 = 0 then null else (i * 13 % 10000000)::numeric / 100 end, 120000 + (i % 366)::int,
  date '2000-01-01' + (i % 9000)::int, timestamp '2020-01-01' + i * interval '7 seconds',
  case when i % 4 = 0 then null else repeat('note ' || i || ' ', 3 + (i % 9)::int) end
  from generate_series(1, {1}) as s(i)"""


def fill_postgres(url, rows):
    subprocess.run(["psql", url, "-qc", POSTGRES.format("src"), "-c", FILL.format("src", rows), "-c", "vacuum analyze src"],
                   check=True)


def fill_keyed(url):
    """The same rows in a table with a primary key, for readers that share them out by it."""
    subprocess.run(["psql", url, "-qc", "create table keyed (like src)", "-c", "insert into keyed select * from src",
                    "-c", "alter table keyed add primary key (id)", "-c", "vacuum analyze keyed"], check=True)


def fill_sqlite(url, path):
    """The same rows from PostgreSQL into a SQLite file."""
    db = sqlite3.connect(path)
    db.execute("pragma journal_mode = wal")
    db.execute(SQLITE.format("src"))
    db.close()
    export = subprocess.Popen(["psql", url, "-qc", "\\copy src to pstdout csv"], stdout=subprocess.PIPE)
    subprocess.run(["sqlite3", path, ".mode csv", ".import /dev/stdin src"], stdin=export.stdout, check=True)
    for column in ("amount2", "note"):
        subprocess.run(["sqlite3", path, f"update src set {column} = null where {column} = ''"], check=True)


def fill_mariadb(url, client):
    """The same rows from PostgreSQL into MariaDB: the text format of COPY is the one of LOAD DATA."""
    subprocess.run([*client, "-e", MARIADB.format("src")], check=True)
    export = subprocess.Popen(["psql", url, "-qc", "\\copy src to pstdout"], stdout=subprocess.PIPE)
    subprocess.run([*client, "-e", "load data local infile '/dev/stdin' into table src character set utf8mb4"],
                   stdin=export.stdout, check=True)

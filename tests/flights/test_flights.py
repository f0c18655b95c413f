"""The loader and the report of the example job, on the real data and on SQLite's own engine."""

import contextlib
import io
import logging
import os
import pathlib
import shutil
import sqlite3
import sys
import tempfile
import types
import unittest

PLUGIN = pathlib.Path(__file__).resolve().parents[2] / "plugins" / "flights"
sys.path.insert(0, str(PLUGIN))

import load_data  # noqa: E402
from flights_report import report  # noqa: E402

COUNTS = {"flights": 336_776, "weather": 26_115, "planes": 3_322, "airlines": 16, "airports": 1_458}


def load(path):
    """What the loader says and the code it ends with."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        code = load_data.main([str(path)])
    return code, said.getvalue()


class Loader(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.path = pathlib.Path(cls.folder.name, "data", "operational.db")
        code, said = load(cls.path)
        assert code == 0, said

    def query(self, sql):
        with contextlib.closing(sqlite3.connect(self.path)) as database:
            return database.execute(sql).fetchall()

    def test_every_row_of_the_source_is_there(self):
        for table, expected in COUNTS.items():
            self.assertEqual(self.query(f"select count(*) from {table}"), [(expected,)], table)

    def test_what_the_source_does_not_know_is_null_and_numbers_are_numbers(self):
        self.assertEqual(self.query("select count(*) from flights where arr_delay is null"), [(9430,)])
        self.assertEqual(self.query("select count(*) from flights where dep_time is null"), [(8255,)])
        self.assertEqual(self.query("select count(*) from flights where tailnum is null"), [(2512,)])
        self.assertEqual(self.query("select distinct typeof(arr_delay) from flights where arr_delay is not null"), [("integer",)])
        self.assertEqual(self.query("select distinct typeof(pressure) from weather where pressure is not null"), [("real",)])

    def test_a_database_that_is_right_is_left_alone(self):
        before = os.stat(self.path).st_mtime_ns
        code, said = load(self.path)
        self.assertEqual((code, os.stat(self.path).st_mtime_ns), (0, before))
        self.assertIn("up to date", said)

    def test_a_database_that_lost_rows_is_loaded_again(self):
        copy = self.path.with_name("damaged.db")
        shutil.copy(self.path, copy)
        with contextlib.closing(sqlite3.connect(copy)) as database, database:
            database.execute("delete from planes where engines = 2")
        code, said = load(copy)
        self.assertEqual(code, 0, said)
        with contextlib.closing(sqlite3.connect(copy)) as database:
            self.assertEqual(database.execute("select count(*) from planes").fetchone(), (COUNTS["planes"],))

    def test_a_file_that_is_no_database_is_an_error_in_one_line_and_stays(self):
        path = self.path.with_name("notes.txt")
        path.write_text("not a database, but something to keep" * 50)
        kept = path.read_text()
        code, said = load(path)
        self.assertEqual((code, path.read_text()), (1, kept))
        self.assertEqual(said.count("\n"), 1, said)


class Connector:
    """The reading half of a connector, on SQLite."""

    def __init__(self, database):
        self.database = database

    def query(self, sql):
        cursor = self.database.execute(sql)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row)) for row in cursor]


class Report(unittest.TestCase):
    def setUp(self):
        self.home = tempfile.TemporaryDirectory()
        self.addCleanup(self.home.cleanup)
        self.database = sqlite3.connect(":memory:")
        self.addCleanup(self.database.close)
        self.database.executescript("""
            create table flights (tailnum text);
            create table planes (tailnum text primary key, manufacturer text);
            create table daily_delays (year int, month int, day int, origin text, flights int, canceled int, late int);
            create table carrier_delays (carrier text, flights int, with_delay int, mean_delay real, p50_delay real,
                p90_delay real, p99_delay real);
            insert into flights values ('N1'), ('N1'), (null);
            insert into planes values ('N1', 'ACME');
            insert into daily_delays values (2013, 1, 1, 'JFK', 2, 0, 1), (2013, 1, 2, 'LGA', 1, 1, 0);
            insert into carrier_delays values ('AA', 2, 2, 1.25, 0.0, 9.5, 9.9), ('ZZ', 1, 0, null, null, null, null);
        """)
        self.ctx = types.SimpleNamespace(run_id="r1", job_id="flights-daily", log=logging.getLogger("test"),
                                         progress=lambda *_: None, get_connector=lambda name: Connector(self.database))

    def write(self, **changed):
        given = {"connector": "reporting", "file": "reports/r.md", "late_minutes": 15, "flights_copied": 3,
                 "planes_copied": 1, "carriers": 2}
        return report.write(self.ctx, {"home": self.home.name}, **{**given, **changed})

    def test_it_says_what_was_copied_and_holds_a_row_for_each_carrier(self):
        output = self.write()
        text = pathlib.Path(output["file"]).read_text()
        self.assertEqual(output["bytes"], len(text.encode()))
        self.assertIn("3 flights and 1 planes were copied. 1 flights were canceled, 1 arrived 15 minutes late or more.", text)
        self.assertIn("| AA | 2 | 2 | 1.2 | 0.0 | 9.5 | 9.9 |", text)
        self.assertIn("| ZZ | 1 | 0 |  |  |  |  |", text)
        self.assertIn("| ACME | 2 | 1 |", text)

    def test_tables_that_do_not_hold_what_was_copied_are_refused_and_no_report_is_left(self):
        for changed, words in (({"flights_copied": 4}, "3 flights, and 4"), ({"carriers": 1}, "2 carriers, and 1")):
            with self.assertRaisesRegex(ValueError, words):
                self.write(**changed)
        self.assertFalse(pathlib.Path(self.home.name, "data", "reports").exists())


if __name__ == "__main__":
    unittest.main()

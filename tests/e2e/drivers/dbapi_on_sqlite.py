"""A DB-API module that behaves like python-oracledb where a connector notices it, with SQLite behind it: named
parameters, `defaults`, `parse`, types in the description, decimals, `cancel`. For tests of the bridge only.

The service of the address is a file of the folder STAND_IN_FOLDER.
"""

import decimal
import os
import sqlite3
from sqlite3 import DatabaseError, Error, IntegrityError, InterfaceError, OperationalError

apilevel, threadsafety, paramstyle = "2.0", 1, "named"


class _Defaults:
    fetch_lobs, fetch_decimals = True, False


defaults = _Defaults()


class _Type:
    def __init__(self, name):
        self.name = "DB_TYPE_" + name


# Declared type of a column: name, precision, scale, display size. "text" in a name keeps SQLite from making floats.
_TYPES = {
    "number(6)": ("NUMBER", 6, 0, None),
    "number_text(15,2)": ("NUMBER", 15, 2, None),
    "number_text(38)": ("NUMBER", 38, 0, None),
    "varchar2(20)": ("VARCHAR", None, None, 20),
    "raw": ("RAW", None, None, None),
    "date": ("DATE", None, None, None),
    "timestamp(9)": ("TIMESTAMP", None, 9, None),
    "timestamp_tz(9)": ("TIMESTAMP_TZ", None, 9, None),
}

sqlite3.register_adapter(decimal.Decimal, str)


def connect(user, password, dsn, tcp_connect_timeout):
    if password != "s3cret":
        raise OperationalError("ORA-01017: invalid credential or not authorized; logon denied")
    return Connection(os.path.join(os.environ["STAND_IN_FOLDER"], dsn.rpartition("/")[2]))


class Connection:
    def __init__(self, path):
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.create_function("to_char", 2, lambda value, form: value)
        self.commit, self.rollback = self._db.commit, self._db.rollback

    def cancel(self):
        self._db.interrupt()

    def cursor(self):
        return Cursor(self._db)


class _Unbound(dict):
    """Parsing takes no values, which SQLite wants all the same."""

    def __missing__(self, name):
        return None


class Cursor:
    arraysize = 100

    def __init__(self, db):
        self._db, self._cursor, self.description = db, db.cursor(), None

    rowcount = property(lambda self: self._cursor.rowcount)

    def execute(self, sql, parameters=()):
        if sql.startswith(("alter session", "set transaction")):
            self._cursor.execute("select 1 where 0")
            self.description = None
            return
        self._cursor.execute(sql, parameters)
        self._describe()

    def executemany(self, sql, rows):
        self._cursor.executemany(sql, rows)

    def parse(self, sql):
        self._cursor.execute(f"select * from (\n{sql}\n) limit 0", _Unbound())
        self._describe()

    def fetchone(self):
        row = self._cursor.fetchone()
        if row is None:
            return None
        return tuple(self._out(value, column[1].name) for value, column in zip(row, self.description))

    def close(self):
        self._cursor.close()

    @staticmethod
    def _out(value, kind):
        return decimal.Decimal(str(value)) if kind == "DB_TYPE_NUMBER" and value is not None else value

    def _describe(self):
        if self._cursor.description is None:
            self.description = None
            return
        find = "select p.type from sqlite_master m, pragma_table_info(m.name) p where p.name = ? limit 1"
        described = []
        for column in self._cursor.description:
            found = self._db.execute(find, (column[0],)).fetchone()
            name, precision, scale, size = _TYPES.get(found[0].lower() if found else "", ("VARCHAR", None, None, None))
            described.append((column[0], _Type(name), size, None, precision, scale, True))
        self.description = described

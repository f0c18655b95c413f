"""Stand-ins for Nomaflow, so that a step is tested as a plain function.

    with Host(connectors={"db": Sqlite("create table t (x)")}) as host:
        my_callable("db")
    assert host.lines == [("info", "done", {})]

`check_cases(path)` runs the cases that `nomaflow plugin test` runs in the sandbox as well. Limits and the difference
between read and read-write are not stood in for: they are tested with the component.
"""

import json
import pathlib
import re
import sqlite3

from . import _host, callables
from .errors import Error


class Sqlite:
    """A SQLite database in memory behind a connector, filled by a script of any number of statements."""

    def __init__(self, script=""):
        # The step begins and ends transactions itself.
        self._database = sqlite3.connect(":memory:", isolation_level=None)
        self._database.executescript(script)

    def rows(self, statement):
        """All rows of a query, for the test to look at."""
        return self._database.execute(statement).fetchall()

    def dialect(self):
        return "sqlite"

    def execute(self, statement, binds):
        return max(0, self._run(statement, binds).rowcount)

    def query(self, statement, binds, batch_size):
        cursor = self._run(statement, binds)
        names = [column[0] for column in cursor.description or ()]
        return names, iter(lambda: cursor.fetchmany(batch_size or 1000), [])

    def insert_rows(self, table, columns, rows):
        quoted = ".".join('"' + part.replace('"', '""') + '"' for part in table.split("."))
        names = ", ".join('"' + name.replace('"', '""') + '"' for name in columns)
        places = ", ".join("?" * len(columns))
        # All or none, inside a transaction and without one.
        self._database.execute("savepoint rows")
        try:
            self._database.executemany(f"insert into {quoted} ({names}) values ({places})", rows)
        except sqlite3.Error as error:
            self._database.execute("rollback to rows")
            # The statement was made here: what is unknown are the names in it.
            unknown = re.search("no such table|has no column named", str(error))
            raise (Error("not-found", str(error)) if unknown else _error(error)) from None
        finally:
            self._database.execute("release rows")
        return len(rows)

    def begin(self):
        self._run("begin", {})

    def commit(self):
        self._run("commit", {})

    def rollback(self):
        self._run("rollback", {})

    def _run(self, statement, binds):
        try:
            return self._database.execute(statement, binds)
        except sqlite3.Error as error:
            raise _error(error) from None


def _error(error):
    code = "conflict" if isinstance(error, sqlite3.IntegrityError) else "invalid"
    return Error(code, str(error))


class Host:
    """A stand-in for the host, installed for the time of a `with` block.

    `connectors` maps names to `Sqlite`, or to anything with its functions; `responses` maps `"GET https://…"` to
    `nomaflow.http.Response`; `entries` maps LDAP connectors to lists of `nomaflow.ldap.Entry`.
    """

    def __init__(self, connectors=None, facts=None, params=None, secrets=None, state=None, responses=None, entries=None,
                 cancel_after=None):
        self.connectors, self.facts, self.params = connectors or {}, facts or {}, params or {}
        self.secrets, self.state = secrets or {}, state if state is not None else {}
        self.responses, self.entries = responses or {}, entries or {}
        self.lines, self.progress, self.requests = [], [], []
        self._cancel_after = cancel_after
        self.is_canceled = cancel_after == 0

    def __enter__(self):
        self._before, _host.installed = _host.installed, self
        return self

    def __exit__(self, *_):
        _host.installed = self._before

    def open_session(self, name):
        return self._granted(self.connectors, name)

    def search(self, name, filter):
        return list(self._granted(self.entries, name))

    def send(self, method, url, headers, body):
        self.requests.append((method, url, headers, body))
        answer = self.responses.get(f"{method} {url}")
        if answer is None:
            raise Error("denied", f"`{method} {url}` is not granted")
        return answer

    def report(self, done, total, note):
        self.progress.append((done, total, note))
        if self._cancel_after is not None and len(self.progress) >= self._cancel_after:
            self.is_canceled = True

    def _granted(self, known, name):
        if name not in known:
            raise Error("denied", f"the connector `{name}` is not granted")
        return known[name]


def check_cases(path):
    """Runs the cases in a file against stand-ins; raises `AssertionError` with the name of the first that fails."""
    for case in json.loads(pathlib.Path(path).read_text("utf-8")):
        databases = {name: Sqlite(script) for name, script in case.get("connectors", {}).items()}
        params = case.get("params", {})
        with Host(connectors=databases, params=params):
            try:
                result, failed = json.loads(callables.call(case["callable"], json.dumps(params))), None
            except Error as error:
                result, failed = None, error
        wanted = case.get("error")
        if failed is not None:
            assert wanted is not None, f"{case['name']}: failed with {failed.code}: {failed.message}"
            assert failed.is_a(wanted), f"{case['name']}: the error is {failed.code}, not {wanted}: {failed.message}"
        elif wanted is not None:
            raise AssertionError(f"{case['name']}: gives {result} and not the error {wanted}")
        else:
            assert result == case["result"], f"{case['name']}: the result is {result}, not {case['result']}"
        for name, after in case.get("after", {}).items():
            rows = [list(row) for row in databases[name].rows(after["query"])]
            assert rows == after["rows"], f"{case['name']}: `{name}` holds {rows}, not {after['rows']}"

"""Databases, through the connectors the operator granted. A plugin never sees an address or a password.

    database = sql.open("reporting")
    for row in database.query("select name, visits from pages where year = :year", year=2026):
        ...row["name"], row.visits, row[1]...
    with database.transaction():
        database.insert_rows("totals", ["name", "visits"], rows)

Binds are named, `:year`, for every database. Cells come as Python has them: `int`, `float`, `str`, `bytes`, `bool`,
`Decimal`, `date`, `datetime`, `None`.
"""

from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal

from . import _host
from .errors import Error


class Row(tuple):
    """One row: by position, by name (`row["n"]`), or as an attribute (`row.n`)."""

    def __new__(cls, names, cells):
        row = super().__new__(cls, cells)
        row._names = names
        return row

    def __getitem__(self, at):
        return super().__getitem__(self._at(at) if isinstance(at, str) else at)

    def __getattr__(self, name):
        if name.startswith("_"):
            raise AttributeError(name)
        return self[name]

    def _at(self, name):
        try:
            return self._names.index(name)
        except ValueError:
            raise Error("invalid.column", f"the result has no column `{name}`; it has {', '.join(self._names)}") from None

    def as_dict(self):
        """The cells by name."""
        return dict(zip(self._names, self))


class Connection:
    """One session with a database."""

    def __init__(self, session):
        self._session = session

    @property
    def dialect(self):
        """The kind of database: `sqlite`, `postgres`."""
        return self._session.dialect()

    def execute(self, statement, **binds):
        """Runs one statement; returns how many rows it changed."""
        return self._session.execute(statement, binds)

    def query(self, statement, *, batch_size=0, **binds):
        """Runs one statement and yields its rows, fetched in batches. One query of a connection at a time."""
        names, batches = self._session.query(statement, binds, batch_size)
        for batch in batches:
            for cells in batch:
                yield Row(names, cells)

    def insert_rows(self, table, columns, rows):
        """Inserts rows, all or none; returns how many."""
        return self._session.insert_rows(table, list(columns), [list(row) for row in rows])

    @contextmanager
    def transaction(self):
        """Commits at the end of the block, rolls back when it raises."""
        self._session.begin()
        try:
            yield self
        except BaseException:
            self._session.rollback()
            raise
        self._session.commit()


def open(name):
    """Opens a session on the connector called `name`."""
    if _host.is_component:
        return Connection(_Session(_host.call(_host.sql.Connection.open, name)))
    return Connection(_host.stand_in(f"the connector `{name}`").open_session(name))


class _Session:
    """A session of the host, in Python's own values."""

    def __init__(self, connection):
        self._connection = connection

    def dialect(self):
        return self._connection.dialect()

    def execute(self, statement, binds):
        return _host.call(self._connection.execute, statement, _binds(binds))

    def query(self, statement, binds, batch_size):
        cursor = _host.call(self._connection.query, statement, _binds(binds))
        return [column.name for column in cursor.columns()], self._batches(cursor, batch_size)

    def _batches(self, cursor, batch_size):
        with cursor:
            while batch := _host.call(cursor.fetch, batch_size).rows:
                yield [[_from_cell(cell) for cell in row] for row in batch]

    def insert_rows(self, table, columns, rows):
        rows = _host.types.RowBatch([[_to_cell(value) for value in row] for row in rows])
        return _host.call(self._connection.insert_rows, table, columns, rows)

    def begin(self):
        _host.call(self._connection.begin)

    def commit(self):
        _host.call(self._connection.commit)

    def rollback(self):
        _host.call(self._connection.rollback)


def _binds(binds):
    return [(name, _to_cell(value)) for name, value in binds.items()]


def _to_cell(value):
    types = _host.types
    match value:
        case None:
            return types.Value_Null()
        case bool():
            return types.Value_Boolean(value)
        case int() if -(2**63) <= value < 2**63:
            return types.Value_Integer(value)
        case int() | Decimal():
            return types.Value_Decimal(format(value, "f") if isinstance(value, Decimal) else str(value))
        case float():
            return types.Value_Float(value)
        case str():
            return types.Value_Text(value)
        case bytes() | bytearray():
            return types.Value_Bytes(bytes(value))
        case datetime():
            return types.Value_Timestamp(value.isoformat())
        case date():
            return types.Value_Date(value.isoformat())
    raise Error("invalid", f"a `{type(value).__name__}` cannot be a cell")


def _from_cell(cell):
    types = _host.types
    match cell:
        case types.Value_Null():
            return None
        case types.Value_Decimal(text):
            return Decimal(text)
        case types.Value_Date(text):
            return _parsed(date, text)
        case types.Value_Timestamp(text):
            return _parsed(datetime, text)
        case types.Value_Other((_, text)):
            return text
    return cell.value


def _parsed(kind, text):
    try:
        return kind.fromisoformat(text)
    except ValueError:
        # A year beyond Python's, or `infinity`.
        return text

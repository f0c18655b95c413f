"""Named connectors as a callable uses them. The pools are the host's: no password and no connection ever enters this
process. One rule for `def` and `async def`: where an event loop runs, a method returns an awaitable, elsewhere the
value itself.

    rows = ctx.get_connector("erp").query("select id from orders where day = :day", day=day)
    rows = await ctx.get_connector("erp").query("select id from orders where day = :day", day=day)
"""

from nomaflow.arrow import ArrowResult, rows_of_frame
from nomaflow_rt import frames
from nomaflow_rt.values import from_cell, to_cell


class Connector:
    """A connector of the host. Values are bound to `:name` in every dialect; they are never pasted into the text."""

    def __init__(self, name):
        self.name = name

    def __repr__(self):
        return f"Connector({self.name!r})"

    def query(self, sql, params=None, /, **more):
        """All rows of a SELECT, as a list of dicts."""
        return self._ask("query", sql, params, more, lambda answer: _dicts(answer["columns"], answer["rows"]))

    def scalar(self, sql, params=None, /, **more):
        """The first column of the first row, None when there is no row."""
        return self._ask("scalar", sql, params, more, from_cell)

    def execute(self, sql, params=None, /, **more):
        """Runs a statement in a transaction of its own; the number of rows it changed."""
        return self._ask("execute", sql, params, more, int)

    def stream(self, sql, params=None, /, *, batch_size=1000, **more):
        """Rows in lists of at most `batch_size` dicts, for `for` and `async for`; memory holds one list at a time."""
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, at least 1 is needed")
        return Stream(self, sql, _binds(params, more), batch_size)

    def arrow(self, sql, params=None, /, *, batch_size=65536, **more):
        """All rows of a SELECT as Arrow, an `ArrowResult`: columns of memory, and no Python object for each value."""
        if batch_size < 1:
            raise ValueError(f"batch_size is {batch_size}, at least 1 is needed")
        question = {"type": "sql", "what": "arrow", "connector": self.name, "sql": sql, "binds": _binds(params, more),
                    "batch_size": batch_size}
        return frames.ask(question, lambda answer: ArrowResult(answer.memory, answer.value))

    def copy(self, sql, params=None, /, *, to, table, columns=None, batch_size=5000, **more):
        """Inserts the rows of a SELECT into `table` of the connector `to`, in one transaction; they never enter this
        process. `columns` are those of the table, in the order of the SELECT's. The number of rows."""
        question = {"type": "copy", "connector": self.name, "sql": sql, "binds": _binds(params, more), "to": to,
                    "table": table, "columns": None if columns is None else list(columns), "batch_size": batch_size}
        return frames.ask(question, int)

    def insert(self, table, rows, columns=None):
        """Inserts rows (dicts, sequences with `columns`, or a DataFrame) by the fastest means of the database, in one
        transaction. The number of rows."""
        frame = rows_of_frame(rows)
        if frame is not None:
            columns, rows = columns or frame[0], frame[1]
        rows = list(rows)
        names = list(columns) if columns is not None else list(rows[0]) if rows else []
        cells = [_cells(row, names, number) for number, row in enumerate(rows)]
        question = {"type": "insert", "connector": self.name, "table": table, "columns": names, "rows": cells}
        return frames.ask(question, int)

    def dialect(self):
        """`sqlite`, `postgres`, …"""
        return self._ask("dialect", "", None, {}, str)

    def _ask(self, what, sql, params, more, convert):
        question = {"type": "sql", "what": what, "connector": self.name, "sql": sql, "binds": _binds(params, more)}
        return frames.ask(question, convert)


class Stream:
    """The batches of one SELECT, read on demand. Closes itself at its end, with its `with`, and with its step."""

    def __init__(self, connector, sql, binds, batch_size):
        self._open = {"type": "sql", "what": "open", "connector": connector.name, "sql": sql, "binds": binds,
                      "batch_size": batch_size}
        self._cursor = None
        self._columns = []
        self._ended = False

    def __iter__(self):
        return self

    def __next__(self):
        if self._cursor is None and not self._ended:
            frames.ask(self._open, self._opened)
        batch = None if self._ended else frames.ask(self._next(), self._took)
        if batch is None:
            raise StopIteration
        return batch

    def __aiter__(self):
        return self

    async def __anext__(self):
        if self._cursor is None and not self._ended:
            await frames.ask(self._open, self._opened)
        batch = None if self._ended else await frames.ask(self._next(), self._took)
        if batch is None:
            raise StopAsyncIteration
        return batch

    def close(self):
        """Ends the statement on the server before its last row."""
        cursor, self._cursor, self._ended = self._cursor, None, True
        if cursor is not None:
            frames.send({"type": "close", "cursor": cursor})

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()

    def _next(self):
        return {"type": "next", "cursor": self._cursor}

    def _opened(self, answer):
        self._cursor, self._columns = answer["cursor"], answer["columns"]

    def _took(self, rows):
        if rows is None:
            self._cursor, self._ended = None, True
            return None
        return _dicts(self._columns, rows)


class Connectors:
    """What the parameter `connectors` receives: `connectors["name"]` and `connectors.get("name")`."""

    def __getitem__(self, name):
        return Connector(name)

    get = __getitem__


def _binds(params, more):
    binds = []
    for name, value in {**(params or {}), **more}.items():
        try:
            binds.append([name, to_cell(value)])
        except TypeError as wrong:
            raise TypeError(f"parameter `{name}`: {wrong}") from None
    return binds


def _cells(row, names, number):
    if isinstance(row, dict):
        if row.keys() != set(names):
            raise ValueError(f"row {number} has the columns {', '.join(row)}, the first one {', '.join(names)}")
        row = [row[name] for name in names]
    elif len(row) != len(names):
        raise ValueError(f"row {number} has {len(row)} values for {len(names)} columns")
    try:
        return [to_cell(value) for value in row]
    except TypeError as wrong:
        raise TypeError(f"row {number}: {wrong}") from None


def _dicts(columns, rows):
    return [dict(zip(columns, [from_cell(c) if type(c) is list else c for c in row])) for row in rows]

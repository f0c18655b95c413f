"""Named connectors as a callable uses them. The pools are the host's: no password and no connection ever enters this
process. One rule for `def` and `async def`: where an event loop runs, a method returns an awaitable, elsewhere the
value itself.

    rows = ctx.get_connector("erp").query("select id from orders where day = :day", day=day)
    rows = await ctx.get_connector("erp").query("select id from orders where day = :day", day=day)
"""

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


def _dicts(columns, rows):
    return [dict(zip(columns, [from_cell(c) if type(c) is list else c for c in row])) for row in rows]

"""Unit tests of callables without a host: `fake_ctx` is a `ctx` whose connectors are SQLite databases in this process.

    ctx = fake_ctx(connectors={"ops": "create table t (id integer);"}, params={"day": "2026-11-22"})
    assert load(ctx, day="2026-11-22") == {"rows_affected": 1}

It serves `def` and `async def` by the same rule as the host: awaitables where an event loop runs. What the step said is
in `lines` and `said_progress`.
"""

from __future__ import annotations

import datetime
import decimal
import json
import logging
import sqlite3
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from nomaflow.arrow import ArrowResult, rows_of_frame
from nomaflow.context import Params, PreviousStep, Row, Rows
from nomaflow.errors import HostError


def fake_ctx(
    *,
    params: Mapping[str, Any] | None = None,
    connectors: Mapping[str, str | sqlite3.Connection] | None = None,
    secrets: Mapping[str, str] | None = None,
    state: Mapping[str, Any] | None = None,
    previous: Mapping[str, Mapping[str, Any]] | None = None,
    canceled: bool = False,
    app: str = "app",
) -> FakeContext:
    """A context. `connectors` are SQL scripts, each for a new database in memory, or open connections of `sqlite3`;
    `previous` are the outputs of earlier steps by their names."""
    return FakeContext(params or {}, connectors or {}, secrets or {}, state or {}, previous or {}, canceled, app)


class FakeContext:
    """Stands in for `nomaflow.Context` and `nomaflow.AsyncContext`."""

    def __init__(
        self, params: Mapping[str, Any], connectors: Mapping[str, str | sqlite3.Connection],
        secrets: Mapping[str, str], state: Mapping[str, Any], previous: Mapping[str, Mapping[str, Any]],
        canceled: bool, app: str,
    ) -> None:
        self.run_id = "00000000-0000-7000-8000-000000000000"
        self.job_id, self.app, self.step, self.attempt = "job", app, "step", 1
        self.triggered_by, self.session_user = "user:test", "test"
        self.scheduled_at = "2026-01-01T00:00:00+00:00"
        self.log_level = "INFO"
        self.params: dict[str, Any] = dict(params)
        self.dry_run = params.get("dry_run") is True
        #: What the step said: level and text.
        self.lines: list[tuple[str, str]] = []
        #: How far it said it was.
        self.said_progress: list[tuple[int, int | None, str]] = []
        self.canceled = canceled
        self.log = logging.Logger("nomaflow.step", logging.DEBUG)
        self.log.addHandler(_Lines(self.lines))
        self.connectors = FakeConnectors(connectors)
        self.state: Any = FakeState(state)
        self._secrets, self._previous = secrets, previous

    def is_cancelled(self) -> bool:
        return self.canceled

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        self.said_progress.append((int(done), None if total is None else int(total), str(note)))

    def previous_step(self, name: str) -> PreviousStep:
        if name not in self._previous:
            known = ", ".join(f"`{known}`" for known in self._previous) or "none"
            raise LookupError(f"no step `{name}` ran before this one; known: {known}")
        return PreviousStep(name, "SUCCEEDED", dict(self._previous[name]))

    def get_connector(self, name: str) -> Any:
        return self.connectors[name]

    def secret(self, name: str) -> Any:
        if name not in self._secrets:
            raise HostError("definition", f"there is no secret `{name}`")
        return _given(self._secrets[name])


class _Lines(logging.Handler):
    def __init__(self, lines: list[tuple[str, str]]) -> None:
        super().__init__()
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append((record.levelname, record.getMessage()))


class FakeConnectors:
    """Connectors by name."""

    def __init__(self, connectors: Mapping[str, str | sqlite3.Connection]) -> None:
        self._by_name = {name: FakeConnector(name, _database(what), self) for name, what in connectors.items()}

    def __getitem__(self, name: str, /) -> FakeConnector:
        if name not in self._by_name:
            raise HostError("definition", f"there is no connector `{name}`")
        return self._by_name[name]

    get = __getitem__


def _database(what: str | sqlite3.Connection) -> sqlite3.Connection:
    if isinstance(what, sqlite3.Connection):
        return what
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    connection.executescript(what)
    return connection


class FakeConnector:
    """One SQLite database."""

    def __init__(self, name: str, database: sqlite3.Connection, others: FakeConnectors) -> None:
        self.name = name
        #: For what a test wants to see afterwards.
        self.database = database
        self._others = others

    def dialect(self) -> Any:
        return _given("sqlite")

    def query(self, sql: str, params: Params = None, /, **more: Any) -> Any:
        return _given(self._rows(sql, params, more))

    def scalar(self, sql: str, params: Params = None, /, **more: Any) -> Any:
        rows = self._rows(sql, params, more)
        return _given(next(iter(rows[0].values())) if rows else None)

    def execute(self, sql: str, params: Params = None, /, **more: Any) -> Any:
        with self.database:
            return _given(max(0, self._run(sql, {**(params or {}), **more}).rowcount))

    def stream(self, sql: str, params: Params = None, /, *, batch_size: int = 1000, **more: Any) -> FakeStream:
        rows = self._rows(sql, params, more)
        return FakeStream([rows[start : start + batch_size] for start in range(0, len(rows), batch_size)])

    def arrow(self, sql: str, params: Params = None, /, *, batch_size: int = 65536, **more: Any) -> Any:
        """Needs polars, which makes the Arrow data here as the host does there."""
        import polars

        rows = self._rows(sql, params, more)
        stream = polars.DataFrame(rows, infer_schema_length=None).write_ipc_stream(None).getvalue()
        return _given(ArrowResult(stream, rows[0] if rows else []))

    def copy(
        self, sql: str, params: Params = None, /, *, to: str, table: str, columns: Sequence[str] | None = None,
        batch_size: int = 5000, **more: Any,
    ) -> Any:
        rows = self._rows(sql, params, more)
        if columns is not None:
            rows = [dict(zip(columns, row.values())) for row in rows]
        return _given(self._others[to]._insert(table, rows, None))

    def insert(self, table: str, rows: Rows, columns: Sequence[str] | None = None) -> Any:
        return _given(self._insert(table, rows, columns))

    def _insert(self, table: str, rows: Any, columns: Sequence[str] | None) -> int:
        frame = rows_of_frame(rows)
        if frame is not None:
            columns, rows = columns or frame[0], frame[1]
        names = list(columns) if columns is not None else list(rows[0]) if rows else []
        cells = [[row[name] for name in names] if isinstance(row, Mapping) else list(row) for row in rows]
        slots = ", ".join("?" * len(names))
        with self.database:
            for row in cells:
                sql = f"insert into {table} ({', '.join(names)}) values ({slots})"
                self._run(sql, [_bound(cell) for cell in row])
        return len(cells)

    def _rows(self, sql: str, params: Params, more: Mapping[str, Any]) -> list[Row]:
        cursor = self._run(sql, {**(params or {}), **more})
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row)) for row in cursor.fetchall()]

    def _run(self, sql: str, values: Any) -> sqlite3.Cursor:
        bound = {name: _bound(value) for name, value in values.items()} if isinstance(values, dict) else values
        try:
            return self.database.execute(sql, bound)
        except sqlite3.Error as error:
            raise HostError("remote", str(error)) from None


class FakeStream:
    """The batches of a SELECT."""

    def __init__(self, batches: list[list[Row]]) -> None:
        self._batches = iter(batches)

    def __iter__(self) -> Iterator[list[Row]]:
        return self

    def __next__(self) -> list[Row]:
        return next(self._batches)

    def __aiter__(self) -> AsyncIterator[list[Row]]:
        return self

    async def __anext__(self) -> list[Row]:
        for batch in self._batches:
            return batch
        raise StopAsyncIteration

    def close(self) -> None:
        self._batches = iter(())

    def __enter__(self) -> FakeStream:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def __aenter__(self) -> FakeStream:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.close()


class FakeState:
    """Keys that last as long as the object; values are kept as JSON, as the host keeps them."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.kept = {key: _json(value) for key, value in values.items()}

    def get(self, key: str, default: Any = None) -> Any:
        return _given(json.loads(self.kept[key]) if key in self.kept else default)

    def set(self, key: str, value: Any) -> Any:
        self.kept[key] = _json(value)
        return _given(None)

    def swap(self, key: str, expected: Any, value: Any) -> Any:
        holds = self.kept.get(key) == (None if expected is None else _json(expected))
        if holds:
            self.kept[key] = _json(value)
        return _given(holds)

    def delete(self, key: str) -> Any:
        return _given(self.kept.pop(key, None) is not None)

    def keys(self, prefix: str = "", after: str | None = None) -> Any:
        return _given([key for key in sorted(self.kept) if key.startswith(prefix) and key > (after or "")][:1000])


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _bound(value: Any) -> Any:
    """As the host binds it to SQLite."""
    if isinstance(value, datetime.datetime):
        return value.isoformat(" ")
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, (decimal.Decimal, uuid.UUID)):
        return str(value)
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(value)
    return value


def _given(value: Any) -> Any:
    """The value, or an awaitable of it where an event loop runs."""
    asyncio = sys.modules.get("asyncio")
    loop = asyncio._get_running_loop() if asyncio is not None else None
    if loop is None:
        return value
    done = loop.create_future()
    done.set_result(value)
    return done

"""The types of what a callable is given. One rule for both kinds of functions: where an event loop runs, what waits for
the host returns an awaitable, elsewhere the value itself. Hence two types for each thing that waits.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Awaitable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import Any, Protocol

from nomaflow.arrow import ArrowResult

Row = dict[str, Any]
# A DataFrame of pandas or polars or a table of pyarrow too, whose types are known only where they are installed.
Rows = Sequence[Mapping[str, Any]] | Sequence[Sequence[Any]] | Any
Params = Mapping[str, Any] | None


class PreviousStep:
    """What an earlier step of this run left: `status` and `output`."""

    __slots__ = ("name", "status", "output")

    def __init__(self, name: str, status: str, output: dict[str, Any]) -> None:
        self.name, self.status, self.output = name, status, output


class Stream(Protocol):
    """The batches of one SELECT. Closes itself at its end, with its `with`, and with its step."""

    def __iter__(self) -> Iterator[list[Row]]: ...
    def __next__(self) -> list[Row]: ...
    def __enter__(self) -> Stream: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def close(self) -> None: ...


class AsyncStream(Protocol):
    """As `Stream`, for `async for` and `async with`."""

    def __aiter__(self) -> AsyncIterator[list[Row]]: ...
    async def __anext__(self) -> list[Row]: ...
    async def __aenter__(self) -> AsyncStream: ...
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None: ...
    def close(self) -> None: ...


class Connector(Protocol):
    """A connector of the home. Statements write `:name`; values are bound, never pasted into the text."""

    name: str

    def dialect(self) -> str:
        """`sqlite`, `postgres`, …"""

    def query(self, sql: str, params: Params = None, /, **more: Any) -> list[Row]:
        """All rows of a SELECT."""

    def scalar(self, sql: str, params: Params = None, /, **more: Any) -> Any:
        """The first column of the first row, None when there is no row."""

    def execute(self, sql: str, params: Params = None, /, **more: Any) -> int:
        """Runs a statement in a transaction of its own; the number of rows it changed."""

    def stream(self, sql: str, params: Params = None, /, *, batch_size: int = 1000, **more: Any) -> Stream:
        """Rows in lists of at most `batch_size`; memory holds one list at a time."""

    def arrow(self, sql: str, params: Params = None, /, *, batch_size: int = 65536, **more: Any) -> ArrowResult:
        """All rows as Arrow: the way to fetch many."""

    def copy(
        self, sql: str, params: Params = None, /, *, to: str, table: str, columns: Sequence[str] | None = None,
        batch_size: int = 5000, **more: Any,
    ) -> int:
        """Inserts the rows of a SELECT into `table` of the connector `to`, in one transaction; they never enter this
        process. `columns` are those of the table, in the order of the SELECT's."""

    def insert(self, table: str, rows: Rows, columns: Sequence[str] | None = None) -> int:
        """Inserts rows (dicts, sequences with `columns`, or a DataFrame) by the fastest means of the database, in one
        transaction."""


class AsyncConnector(Protocol):
    """As `Connector`, for `async def`."""

    name: str

    def dialect(self) -> Awaitable[str]: ...
    def query(self, sql: str, params: Params = None, /, **more: Any) -> Awaitable[list[Row]]: ...
    def scalar(self, sql: str, params: Params = None, /, **more: Any) -> Awaitable[Any]: ...
    def execute(self, sql: str, params: Params = None, /, **more: Any) -> Awaitable[int]: ...
    def stream(self, sql: str, params: Params = None, /, *, batch_size: int = 1000, **more: Any) -> AsyncStream: ...
    def arrow(
        self, sql: str, params: Params = None, /, *, batch_size: int = 65536, **more: Any
    ) -> Awaitable[ArrowResult]: ...
    def copy(
        self, sql: str, params: Params = None, /, *, to: str, table: str, columns: Sequence[str] | None = None,
        batch_size: int = 5000, **more: Any,
    ) -> Awaitable[int]: ...
    def insert(self, table: str, rows: Rows, columns: Sequence[str] | None = None) -> Awaitable[int]: ...


class Connectors(Protocol):
    """What the parameter `connectors` receives."""

    def __getitem__(self, name: str, /) -> Connector: ...
    def get(self, name: str, /) -> Connector: ...


class AsyncConnectors(Protocol):
    """As `Connectors`, for `async def`."""

    def __getitem__(self, name: str, /) -> AsyncConnector: ...
    def get(self, name: str, /) -> AsyncConnector: ...


class State(Protocol):
    """Durable keys of the app, shared by all of its steps. Values are what JSON can say, at most 64 KiB each."""

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key."""

    def set(self, key: str, value: Any) -> None:
        """Sets a key; durable when it returns."""

    def swap(self, key: str, expected: Any, value: Any) -> bool:
        """Sets a key only if it has the value `expected` (None: if there is no such key), and tells whether it did."""

    def delete(self, key: str) -> bool:
        """Removes a key, and tells whether it was there."""

    def keys(self, prefix: str = "", after: str | None = None) -> list[str]:
        """The first 1000 keys after `after` that begin with `prefix`, in order."""


class AsyncState(Protocol):
    """As `State`, for `async def`."""

    def get(self, key: str, default: Any = None) -> Awaitable[Any]: ...
    def set(self, key: str, value: Any) -> Awaitable[None]: ...
    def swap(self, key: str, expected: Any, value: Any) -> Awaitable[bool]: ...
    def delete(self, key: str) -> Awaitable[bool]: ...
    def keys(self, prefix: str = "", after: str | None = None) -> Awaitable[list[str]]: ...


class _Facts(Protocol):
    """What both kinds of `ctx` have."""

    run_id: str
    job_id: str
    app: str
    step: str
    attempt: int
    triggered_by: str
    session_user: str
    scheduled_at: str
    log_level: str
    params: dict[str, Any]
    dry_run: bool
    log: logging.Logger

    def is_cancelled(self) -> bool:
        """Whether the run has been cancelled or the step's time is over."""

    def progress(self, done: int, total: int | None = None, note: str = "") -> None:
        """Says how far the step is; cheap enough to call for every row."""

    def previous_step(self, name: str) -> PreviousStep:
        """The result of an earlier step of this run."""


class Context(_Facts, Protocol):
    """`ctx` of a `def`."""

    state: State

    def get_connector(self, name: str) -> Connector:
        """The connector `name` of connectors.toml, on the host's pools."""

    def secret(self, name: str) -> str:
        """A secret by name; it is blotted out of everything this step says and returns."""


class AsyncContext(_Facts, Protocol):
    """`ctx` of an `async def`."""

    state: AsyncState

    def get_connector(self, name: str) -> AsyncConnector: ...
    def secret(self, name: str) -> Awaitable[str]: ...

"""Helpers that load tables. Each is one transaction, and returns the number of rows; in an `async def` it returns an
awaitable of that, as the connector's own methods do.

Names of tables and columns go into the statement as they are, so they must be plain names (`orders`, `sales.orders`);
values are bound.
"""

from __future__ import annotations

import datetime
import inspect
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, TypeVar, overload

from nomaflow.context import AsyncConnector, Connector, Params

_NAME = re.compile(r"[A-Za-z_][\w$]*(\.[A-Za-z_][\w$]*){0,2}")
T = TypeVar("T")


def _plain(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"`{name}` is not a plain name of a table or column")
    return name


def _then(value: Any, use: Callable[[Any], Any]) -> Any:
    """`use(value)`, now or when the value has come."""
    if not inspect.isawaitable(value):
        return use(value)

    async def later() -> Any:
        used = use(await value)
        return await used if inspect.isawaitable(used) else used

    return later()


@overload
def run_query(connector: Connector, sql: str, params: Params = None) -> int: ...
@overload
def run_query(connector: AsyncConnector, sql: str, params: Params = None) -> Awaitable[int]: ...
def run_query(connector: Any, sql: str, params: Params = None) -> Any:
    """Runs one statement."""
    return connector.execute(sql, params)


@overload
def copy_query_to_table(
    connector: Connector, sql: str, to: str, table: str, *,
    params: Params = None, columns: Sequence[str] | None = None, batch_size: int = 1000,
) -> int: ...
@overload
def copy_query_to_table(
    connector: AsyncConnector, sql: str, to: str, table: str, *,
    params: Params = None, columns: Sequence[str] | None = None, batch_size: int = 1000,
) -> Awaitable[int]: ...
def copy_query_to_table(
    connector: Any, sql: str, to: str, table: str, *,
    params: Params = None, columns: Sequence[str] | None = None, batch_size: int = 1000,
) -> Any:
    """Inserts the rows of any SELECT into `table` of the connector `to`. The rows stay in the host."""
    return connector.copy(sql, params, to=to, table=table, columns=columns, batch_size=batch_size)


@overload
def snapshot_rows(
    connector: Connector, source: str, table: str, columns: Mapping[str, str] | Sequence[str], *,
    where: str = "1 = 1", params: Params = None, if_not_exists: bool = False,
) -> int: ...
@overload
def snapshot_rows(
    connector: AsyncConnector, source: str, table: str, columns: Mapping[str, str] | Sequence[str], *,
    where: str = "1 = 1", params: Params = None, if_not_exists: bool = False,
) -> Awaitable[int]: ...
def snapshot_rows(
    connector: Any, source: str, table: str, columns: Mapping[str, str] | Sequence[str], *,
    where: str = "1 = 1", params: Params = None, if_not_exists: bool = False,
) -> Any:
    """Keeps rows of `source` in the history table `table` of the same database. `columns` are names, or a name of the
    history table for each expression (`{"taken_at": ":now"}`). With `if_not_exists` rows that are there already are
    left alone (SQLite and PostgreSQL)."""
    expressions = dict(columns) if isinstance(columns, Mapping) else {name: _plain(name) for name in columns}
    names = ", ".join(map(_plain, expressions))
    sql = f"insert into {_plain(table)} ({names}) select {', '.join(expressions.values())} from {_plain(source)} where {where}"
    return connector.execute(sql + (" on conflict do nothing" if if_not_exists else ""), params)


@overload
def delete_rows(connector: Connector, table: str, where: str, params: Params = None) -> int: ...
@overload
def delete_rows(connector: AsyncConnector, table: str, where: str, params: Params = None) -> Awaitable[int]: ...
def delete_rows(connector: Any, table: str, where: str, params: Params = None) -> Any:
    """Deletes the rows that `where` finds."""
    return connector.execute(f"delete from {_plain(table)} where {where}", params)


@overload
def truncate_table(connector: Connector, table: str) -> int: ...
@overload
def truncate_table(connector: AsyncConnector, table: str) -> Awaitable[int]: ...
def truncate_table(connector: Any, table: str) -> Any:
    """Empties a table. The number of rows is known on SQLite only, where it is a DELETE."""
    name = _plain(table)

    def empty(dialect: str) -> Any:
        return connector.execute(f"delete from {name}" if dialect == "sqlite" else f"truncate table {name}")

    return _then(connector.dialect(), empty)


@overload
def insert_audit_record(
    connector: Connector, *, apps_id: Any, module: str, target: str, run_id: str, table: str = "collect_audit"
) -> int: ...
@overload
def insert_audit_record(
    connector: AsyncConnector, *, apps_id: Any, module: str, target: str, run_id: str, table: str = "collect_audit"
) -> Awaitable[int]: ...
def insert_audit_record(
    connector: Any, *, apps_id: Any, module: str, target: str, run_id: str, table: str = "collect_audit"
) -> Any:
    """Notes in the audit table that `target` was loaded, now, by this run."""
    now = datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None)
    return connector.execute(
        f"insert into {_plain(table)} (cla_apps_id, cla_module, cla_target, cla_action, cla_refresh, cla_run_id) "
        "values (:apps_id, :module, :target, 'ETL', :refresh, :run_id)",
        {"apps_id": apps_id, "module": module, "target": target, "refresh": now, "run_id": run_id},
    )

"""Callables that behave: arguments, returns, ctx."""

import asyncio
import datetime
import decimal
import os
import sys
import typing
import uuid
from pathlib import Path

CONSTANT = 7


def nothing(ctx):
    pass


def echo_ctx(ctx, *, table, limit: int = 10):
    return {
        "table": table, "limit": limit, "run": ctx.run_id, "job": ctx.job_id, "step": ctx.step, "attempt": ctx.attempt,
        "triggered_by": ctx.triggered_by, "params": ctx.params, "dry_run": ctx.dry_run, "log_level": ctx.log_level,
        "cancelled": ctx.is_cancelled(),
    }


async def later(ctx, *, n: int):
    await asyncio.sleep(0.001)
    return {"n": n, "rows_affected": n}


def rows():
    return 42


def unknown_rows():
    return -1


def truth():
    return True


def some_text():
    return "done"


def strange():
    return {"deep": [1, {"x": object()}]}


def float_rows():
    return {"rows_affected": 1.5}


def rich():
    return {
        "decimal": decimal.Decimal("1.10"), "date": datetime.date(2026, 11, 22),
        "instant": datetime.datetime(2026, 11, 22, 10, tzinfo=datetime.timezone.utc), "bytes": b"\x00\xff",
        "uuid": uuid.UUID(int=1), "nan": float("nan"), "infinite": float("-inf"), "none": None, "tuple": (1, 2),
        "half a pair": "\udcff",
    }


def typed(*, whole: int, real: float, yes: bool, no: bool, word: str, maybe: typing.Optional[int],
          either: "int | None", day: datetime.date, price: decimal.Decimal, path: Path, as_is: list):
    values = dict(locals())
    return {name: f"{type(value).__name__} {value}" for name, value in values.items()}


def wants(ctx, connectors, settings, *, name):
    return {"ctx": ctx.run_id, "connectors": type(connectors).__name__, "settings": settings, "name": name}


def context_first(context, *, table):
    return {"run": context.run_id, "table": table}


def takes_all(ctx, **rest):
    return {key: value for key, value in rest.items() if key not in ("connectors", "settings")}


def before(ctx):
    step = ctx.previous_step("extract")
    return {"status": step.status, "rows": step.output["rows"]}


def before_unknown(ctx):
    return ctx.previous_step("nobody")


def interpreter():
    return {"prefix": sys.prefix, "version": sys.version.split()[0], "pid": os.getpid(), "executable": sys.executable}


class Loader:
    @staticmethod
    def load():
        return {"loaded": True}

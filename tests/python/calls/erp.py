"""Callables that use the connector `ledger` of the tests."""

import asyncio
import datetime
import decimal
import math
import uuid

PARAMS = {
    "none": None, "yes": True, "int": -(2**63), "big": 2**63, "float": 0.1 + 0.2, "nan": math.nan,
    "text": "it's \u2028 \U0001f600", "bytes": b"\x00\xff",
    "decimal": decimal.Decimal("12345678901234567890.10"), "day": datetime.date(2026, 11, 22),
    "plain": datetime.datetime(2026, 11, 22, 10, 0, 0, 5),
    "zoned": datetime.datetime(2026, 11, 22, 10, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
    "time": datetime.time(10, 30), "uuid": uuid.UUID(int=7),
}


def round_trip(ctx):
    erp = ctx.get_connector("ledger")
    assert erp.execute("insert", PARAMS) == 1
    (row,) = erp.query("select")
    for name, sent in PARAMS.items():
        came = row[name]
        if name == "big":
            sent = decimal.Decimal(sent)
        same = math.isnan(came) if name == "nan" else came == sent and type(came) is type(sent)
        assert same, f"{name}: {sent!r} came back as {came!r}"
    assert row["zoned"].utcoffset() == datetime.timedelta(hours=2)
    return {"columns": len(row)}


def scalars(ctx, connectors):
    erp = connectors["ledger"]
    erp.execute("insert", n=1)
    return {"first": erp.scalar("select"), "none": erp.scalar("empty"), "rows": erp.query("empty")}


def batches(ctx):
    sizes = [len(batch) for batch in ctx.get_connector("ledger").stream("series", n=25, batch_size=10)]
    with ctx.get_connector("ledger").stream("series", n=1_000_000, batch_size=2) as stream:
        first = next(stream)
    return {"sizes": sizes, "first": first, "again": list(stream)}


async def side_by_side(ctx):
    erp = ctx.get_connector("ledger")
    # Each waits for the other, so this ends only when both are under way at once.
    both = await asyncio.gather(erp.query("meet"), erp.query("meet"))
    sizes = [len(batch) async for batch in erp.stream("series", n=5, batch_size=2)]
    try:
        await asyncio.wait_for(erp.query("wait"), 0.01)
    except asyncio.TimeoutError:
        gave_up = True
    return {"both": both, "sizes": sizes, "gave_up": gave_up, "rows": await erp.execute("insert", n=1)}


def unknown(ctx):
    ctx.get_connector("nobody").query("select")


def refused(ctx):
    try:
        ctx.get_connector("ledger").execute("fail")
    except Exception as error:
        return {"type": type(error).__name__, "kind": error.kind, "text": str(error)}


def cannot_bind(ctx):
    ctx.get_connector("ledger").execute("insert", thing=object())


def large(ctx):
    ctx.get_connector("ledger").query("huge")

"""Callables that use what the house offers besides statements: secrets, durable keys, rows into tables, Arrow."""

import inspect

import nomaflow
from nomaflow import Context, etl


def tells_a_secret(ctx):
    secret = ctx.secret("erp")
    print(f"the password is {secret}!")
    ctx.progress(1, note=secret)
    return {"length": len(secret), "nested": [{secret: f"<{secret}>"}]}


def raises_a_secret(ctx):
    raise RuntimeError("with " + ctx.secret("erp"))


def wants_an_unknown_secret(ctx):
    return ctx.secret("nobody")


def counts(ctx: Context):
    seen = ctx.state.get("seen", 0) + 1
    ctx.state.set("seen", seen)
    return {"seen": seen}


async def uses_every_key(ctx: nomaflow.AsyncContext):
    state = ctx.state
    await state.set("b/1", {"x": [1, None, "é"]})
    first = await state.swap("b/2", None, 1)
    again = await state.swap("b/2", None, 2)
    swapped = await state.swap("b/1", {"x": [1, None, "é"]}, [])
    listed = await state.keys("b/")
    after = await state.keys("b/", after="b/1")
    gone = await state.delete("b/2"), await state.delete("b/2")
    return {"first": first, "again": again, "swapped": swapped, "listed": listed, "after": after, "gone": gone,
            "left": await state.get("b/1"), "default": await state.get("b/2", "none")}


def keeps_what_json_lacks(ctx):
    ctx.state.set("k", object())


def keeps_too_much(ctx):
    ctx.state.set("k", "x" * 70_000)


def inserts(ctx):
    ledger = ctx.get_connector("ledger")
    rows = ledger.insert("sales", [{"a": 1, "b": b"\0"}, {"b": None, "a": 2}])
    more = ledger.insert("sales", [(3, "x")], columns=["a", "b"])
    return {"rows": rows, "more": more, "none": ledger.insert("sales", []),
            "kept": [row["a"] for row in ledger.query("select")]}


def inserts_uneven_rows(ctx):
    ctx.get_connector("ledger").insert("sales", [{"a": 1}, {"c": 1}])


def copies(ctx):
    ledger = ctx.get_connector("ledger")
    copied = ledger.copy("series", n=25, to="ledger", table="sales", columns=["a"], batch_size=10)
    return {"copied": copied, "kept": len(ledger.query("select")), "etl": etl.copy_query_to_table(ledger, "empty", "ledger", "sales")}


async def copies_later(ctx):
    return await ctx.get_connector("ledger").copy("series", n=2, to="ledger", table="sales")


def copies_too_many_columns(ctx):
    ctx.get_connector("ledger").copy("series", n=2, to="ledger", table="sales", columns=["a", "b"])


def arrow(ctx):
    result = ctx.get_connector("ledger").arrow("series", n=2_500, batch_size=1_000)
    # A stream begins with a message's mark and ends with an empty message.
    return {"columns": result.columns, "head": result.ipc[:4], "tail": result.ipc[-8:], "bytes": len(result.ipc)}


async def arrow_later(ctx):
    result = await ctx.get_connector("ledger").arrow("series", n=3)
    return {"head": result.ipc[:4]}


def package(ctx, connectors):
    """What the package promises is what a worker has, signature by signature."""
    ledger = connectors["ledger"]
    pairs = [(nomaflow.Context, ctx), (nomaflow.Connector, ledger), (nomaflow.State, ctx.state), (nomaflow.Connectors, connectors)]
    wrong = []
    for promised, real in pairs:
        facts = [name for base in promised.__mro__ for name in getattr(base, "__annotations__", {})]
        wrong += [name for name in facts if not name.startswith("_") and not hasattr(real, name)]
        for name, method in inspect.getmembers(promised, inspect.isfunction):
            if not name.startswith("_") and list(inspect.signature(method).parameters)[1:] != list(
                inspect.signature(getattr(real, name)).parameters
            ):
                wrong.append(f"{promised.__name__}.{name}")
    return {"wrong": wrong, "from": nomaflow.__spec__.loader.__name__}


def everything(**given):
    return {"given": sorted(given)}

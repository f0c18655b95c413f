"""What an author writes, checked by mypy and run without a host."""

from __future__ import annotations

import asyncio
import datetime
import decimal
import unittest

import nomaflow
from nomaflow import etl
from nomaflow.testing import fake_ctx

SCHEMA = "create table orders (id integer primary key, day text, total text); create table history (id integer unique, total text);"


def load(ctx: nomaflow.Context, *, day: datetime.date, rows: int = 2) -> dict[str, object]:
    """A callable as authors write it."""
    ops = ctx.get_connector("ops")
    total = decimal.Decimal("1.10")
    ops.insert("orders", [{"id": n, "day": day, "total": total} for n in range(rows)])
    ctx.log.info("%d rows", rows)
    ctx.progress(rows, rows)
    with ops.stream("select id from orders where day = :day", day=day, batch_size=1) as batches:
        ids = [row["id"] for batch in batches for row in batch]
    ctx.state.set("last", {"day": str(day)})
    return {"ids": ids, "rows_affected": etl.snapshot_rows(ops, "orders", "history", ["id", "total"], if_not_exists=True)}


async def load_later(ctx: nomaflow.AsyncContext) -> int:
    ops = ctx.get_connector("ops")
    found: list[object] = []
    async for batch in ops.stream("select id from orders", batch_size=2):
        found.extend(batch)
    await ctx.state.set("seen", len(found))
    await etl.truncate_table(ops, "orders")
    return len(found) + await etl.delete_rows(ops, "history", "id > :n", {"n": 0})


class Tests(unittest.TestCase):
    def test_a_plain_callable_runs_on_the_stand_in(self) -> None:
        ctx = fake_ctx(connectors={"ops": SCHEMA})
        self.assertEqual(load(ctx, day=datetime.date(2026, 11, 22)), {"ids": [0, 1], "rows_affected": 2})
        self.assertEqual((ctx.lines, ctx.said_progress), ([("INFO", "2 rows")], [(2, 2, "")]))
        self.assertEqual(ctx.state.get("last"), {"day": "2026-11-22"})
        again = etl.snapshot_rows(ctx.get_connector("ops"), "orders", "history", ["id", "total"], if_not_exists=True)
        self.assertEqual(again, 0)

    def test_an_async_callable_runs_on_the_same_stand_in(self) -> None:
        ctx = fake_ctx(connectors={"ops": SCHEMA + "insert into orders (id) values (1), (2), (3); insert into history (id) values (0), (1);"})
        self.assertEqual(asyncio.run(load_later(ctx)), 4)
        self.assertEqual(ctx.get_connector("ops").scalar("select count(*) from orders"), 0)

    def test_a_copy_goes_to_another_connector(self) -> None:
        ctx = fake_ctx(connectors={"a": "create table t (n integer); insert into t values (1), (2);", "b": "create table u (m integer);"})
        copied = etl.copy_query_to_table(ctx.get_connector("a"), "select n from t where n > :n", "b", "u", params={"n": 1}, columns=["m"])
        self.assertEqual((copied, ctx.get_connector("b").query("select m from u")), (1, [{"m": 2}]))

    def test_what_the_host_refuses_is_refused_here(self) -> None:
        ctx = fake_ctx(connectors={"ops": SCHEMA}, secrets={"key": "s3cret"}, previous={"extract": {"n": 1}})
        self.assertEqual((ctx.secret("key"), ctx.previous_step("extract").output), ("s3cret", {"n": 1}))
        with self.assertRaisesRegex(nomaflow.HostError, "there is no secret `other`"):
            ctx.secret("other")
        with self.assertRaisesRegex(nomaflow.HostError, "there is no connector `other`"):
            ctx.get_connector("other")
        with self.assertRaises(nomaflow.HostError):
            ctx.get_connector("ops").query("nonsense")
        with self.assertRaisesRegex(ValueError, "not a plain name"):
            etl.delete_rows(ctx.get_connector("ops"), "orders; drop table orders", "1 = 1")

    def test_swap_sets_only_what_is_as_expected(self) -> None:
        state = fake_ctx(state={"n": 1}).state
        self.assertEqual([state.swap("n", 2, 3), state.swap("n", 1, 3), state.swap("n", None, 4), state.swap("m", None, 5)],
                         [False, True, False, True])
        self.assertEqual((state.get("n"), state.keys(), state.delete("n"), state.delete("n")), (3, ["m", "n"], True, False))

    def test_an_audit_record_says_who_loaded_what(self) -> None:
        table = "create table collect_audit (cla_apps_id, cla_module, cla_target, cla_action, cla_refresh, cla_run_id);"
        ctx = fake_ctx(connectors={"ops": table})
        ops = ctx.get_connector("ops")
        etl.insert_audit_record(ops, apps_id=7, module="XREF", target="orders", run_id=ctx.run_id)
        self.assertEqual(ops.scalar("select cla_action || cla_module || cla_target from collect_audit"), "ETLXREForders")


if __name__ == "__main__":
    unittest.main()

"""The copies that are libraries rather than programs: `peers.py sqlalchemy|sqlalchemy-jde|dlt SOURCE TARGET`, the table
`src` of one PostgreSQL URL into another."""

import asyncio
import decimal
import math
import sys


def with_driver(url, driver):
    return url.replace("postgres://", f"postgresql+{driver}://")


def jde_rules(table):
    """What the system Nomaflow replaces does to each value unless it is told not to: text without NUL bytes, decimals cut
    off toward zero. A rule for each column that has one."""
    import sqlalchemy as sa

    def text(value):
        return value.replace("\x00", "")

    def whole(value):
        return decimal.Decimal(math.trunc(value))

    kinds = {sa.String: text, sa.Numeric: whole}
    rules = {column.name: next((rule for kind, rule in kinds.items() if isinstance(column.type, kind)), None) for column in table.columns}
    return {name: rule for name, rule in rules.items() if rule}


async def sqlalchemy_batches(source, target, is_jde, size=5000):
    """Executemany in batches through the asynchronous engine: what the system Nomaflow replaces does. Only with its
    coercion it is all that it does; without, it is what any program on that library can reach."""
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import create_async_engine

    reader, writer = (create_async_engine(with_driver(url, "asyncpg")) for url in (source, target))
    async with writer.begin() as out:
        table = await out.run_sync(lambda sync: sa.Table("dst", sa.MetaData(), autoload_with=sync))
        rules = jde_rules(table) if is_jde else {}
        await out.execute(sa.text("truncate dst"))
        async with reader.connect() as rows:
            found = await rows.stream(sa.text("select * from src"))
            async for batch in found.mappings().partitions(size):
                values = [dict(row) for row in batch]
                for row in values:
                    for name, rule in rules.items():
                        if row[name] is not None:
                            row[name] = rule(row[name])
                await out.execute(sa.insert(table), values)
    await reader.dispose()
    await writer.dispose()


def dlt_pyarrow(source, target):
    import tempfile

    import dlt
    from dlt.sources.sql_database import sql_table

    with tempfile.TemporaryDirectory() as folder:
        rows = sql_table(with_driver(source, "psycopg2"), table="src", backend="pyarrow", chunk_size=50_000)
        # It wants a password, even where the server asks for none.
        into = dlt.destinations.postgres(target.replace("postgres://bench@", "postgresql://bench:none@"))
        pipeline = dlt.pipeline("bench", destination=into, dataset_name="dlt_bench", pipelines_dir=folder)
        pipeline.run(rows, write_disposition="replace", loader_file_format="csv")


if __name__ == "__main__":
    word, source, target = sys.argv[1:]
    if word.startswith("sqlalchemy"):
        asyncio.run(sqlalchemy_batches(source, target, is_jde=word.endswith("-jde")))
    else:
        dlt_pyarrow(source, target)

"""The copies that are libraries rather than programs: `peers.py sqlalchemy|dlt SOURCE TARGET`, the table `src` of one
PostgreSQL URL into another."""

import asyncio
import sys


def with_driver(url, driver):
    return url.replace("postgres://", f"postgresql+{driver}://")


async def sqlalchemy_batches(source, target, size=5000):
    """Executemany in batches through the asynchronous engine: what the system Nomaflow replaces does."""
    import sqlalchemy as sa
    from sqlalchemy.ext.asyncio import create_async_engine

    reader, writer = (create_async_engine(with_driver(url, "asyncpg")) for url in (source, target))
    async with writer.begin() as out:
        table = await out.run_sync(lambda sync: sa.Table("dst", sa.MetaData(), autoload_with=sync))
        await out.execute(sa.text("truncate dst"))
        async with reader.connect() as rows:
            found = await rows.stream(sa.text("select * from src"))
            async for batch in found.mappings().partitions(size):
                await out.execute(sa.insert(table), [dict(row) for row in batch])
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
    if word == "sqlalchemy":
        asyncio.run(sqlalchemy_batches(source, target))
    else:
        dlt_pyarrow(source, target)

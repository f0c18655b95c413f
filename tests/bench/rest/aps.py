"""Adds so many empty jobs to APScheduler 4 on SQLAlchemy and prints the seconds until all are done. Run by run.py."""

import asyncio
import sys
import time

from apscheduler import AsyncScheduler
from apscheduler.datastores.sqlalchemy import SQLAlchemyDataStore
from sqlalchemy.ext.asyncio import create_async_engine

LEFT, DONE = 0, None


async def nothing():
    global LEFT
    LEFT -= 1
    if LEFT == 0:
        DONE.set()


async def main(url, count):
    global LEFT, DONE
    LEFT, DONE = count, asyncio.Event()
    async with AsyncScheduler(SQLAlchemyDataStore(create_async_engine(url)), max_concurrent_jobs=64) as scheduler:
        await scheduler.configure_task("nothing", func=nothing)
        await scheduler.start_in_background()
        began = time.monotonic()
        for _ in range(count):
            await scheduler.add_job("nothing")
        await DONE.wait()
        print(time.monotonic() - began)


asyncio.run(main(sys.argv[1], int(sys.argv[2])))

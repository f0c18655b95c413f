"""Callables that go on until somebody stops them. Each says `begun` first."""

import asyncio
import os
import re
import threading
import time


def say_begun_from_within():
    """Says it a moment later, when the caller is where it stays; the tests hold if it is late, too."""
    threading.Timer(0.05, print, ("begun",)).start()


def sleeps(ctx):
    try:
        say_begun_from_within()
        time.sleep(60)
    finally:
        print("cleaned up")


def counts_in_c():
    # A signal that comes just before the loop begins must not end the step: only killing does.
    begun = False
    while True:
        try:
            if not begun:
                begun = True
                print("begun")
            sum(range(10**11))
        except BaseException:
            pass


def backtracks():
    print("begun")
    re.match(r"(a+)+$", "a" * 60 + "b")


def swallows():
    begun = False
    while True:
        try:
            if not begun:
                begun = True
                print("begun")
            time.sleep(60)
        except BaseException:
            pass


def spins():
    print("begun")
    while True:
        pass


async def waits(ctx):
    try:
        print("begun")
        await asyncio.sleep(60)
    finally:
        await asyncio.sleep(0)
        print(f"cleaned up, cancelled={ctx.is_cancelled()}")


async def blocks():
    say_begun_from_within()
    time.sleep(60)


async def thread_behind():
    print("begun")
    await asyncio.to_thread(time.sleep, 60)


def asks_forever(ctx):
    say_begun_from_within()
    ctx.get_connector("ledger").query("wait")


def polls(ctx):
    try:
        print("begun")
        while not ctx.is_cancelled():
            time.sleep(0.005)
    except BaseException:
        pass
    return {"stopped": "politely"}


def outlives_everything():
    print(f"worker {os.getpid()}")
    while True:
        try:
            sum(range(10**11))
        except BaseException:
            pass

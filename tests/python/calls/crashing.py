"""Callables that take their process with them, and callables that merely fail."""

import ctypes
import os
import signal
import sys
import threading
import time


def segfault():
    ctypes.string_at(0)


def exits():
    os._exit(7)


def polite_exit():
    sys.exit(3)


def killed():
    os.kill(os.getpid(), signal.SIGKILL)


def outside_signal():
    os.kill(os.getpid(), signal.SIGUSR1)
    time.sleep(5)


def forks():
    child = os.fork()
    if child == 0:
        print("the child speaks")
        return {"who": "child"}
    os.waitpid(child, 0)
    return {"who": "parent"}


def raises(ctx, *, name):
    try:
        int(name)
    except ValueError as cause:
        raise RuntimeError(f"no luck with {name}") from cause


async def raises_later():
    raise KeyError("gone")


class Unprintable(Exception):
    def __str__(self):
        raise OSError


def raises_unprintable():
    raise Unprintable


def leaves_a_thread():
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()


def leaves_an_environment():
    os.environ["LEFT_BEHIND"] = "1"


def leaves_a_child():
    child = os.fork()
    if child == 0:
        os.execv("/bin/sleep", ["sleep", "60"])
    return {"child": child}


def too_much():
    return {"text": "x" * (70 * 1024 * 1024)}


def hogs():
    kept = []
    while True:
        kept.append(bytearray(16 << 20))


def hogs_in_a_child():
    child = os.fork()
    if child == 0:
        hogs()
    os.waitpid(child, 0)


def forks_without_end():
    while True:
        if os.fork() == 0:
            time.sleep(60)


def leaves_much():
    import array

    leaves_much.kept = array.array("q", bytes(96 << 20))
    return {"pid": os.getpid()}


def leaves_a_daemon():
    reading, writing = os.pipe()
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writing, str(os.getpid()).encode())
            time.sleep(60)
        os._exit(0)
    os.wait()
    return {"child": int(os.read(reading, 20))}


def hogs_in_a_daemon():
    leaves_a_daemon.__globals__["time"] = type("", (), {"sleep": staticmethod(lambda _: hogs())})
    leaves_a_daemon()
    threading.Event().wait()

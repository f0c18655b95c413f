"""Everything that can be said, by every way there is."""

import ctypes
import logging
import os
import subprocess
import sys
import threading
import time
import warnings

log = logging.getLogger("speech.inner")


def all_ways(ctx):
    ctx.log.info("from ctx %d", 1)
    ctx.log.debug("hidden unless asked for")
    log.warning("from logging")
    logging.getLogger("third.party").error("from another package")
    print("from print")
    print("two", "\nlines")
    print("from stderr", file=sys.stderr)
    print("no line break", end="")
    warnings.warn("from warnings")
    thread = threading.Thread(target=lambda: print("from a thread"))
    thread.start()
    thread.join()
    os.write(1, b"from descriptor 1\n")
    os.write(2, b"from descriptor 2")
    subprocess.run(["/bin/echo", "from a child"], check=True)
    ctypes.CDLL(None).puts(b"from C")
    ctx.progress(3, 4, "three of four")


def many(ctx, *, tag, n: int):
    for i in range(n):
        print(f"{tag} {i}")
        time.sleep(0.001)
    return {"tag": tag}


def thread_that_breaks():
    def boom():
        raise ValueError("in a thread")

    thread = threading.Thread(target=boom)
    thread.start()
    thread.join()

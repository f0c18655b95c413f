"""Runs commands and takes their time and memory: wall-clock seconds from the first start to the last end, and the
largest sum of the resident memory of all their processes, looked at every 10 ms."""

import os
import subprocess
import sys
import threading
import time

PAGE = os.sysconf("SC_PAGE_SIZE")


def descendants(roots):
    parents = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as stat:
                    parents[int(entry)] = int(stat.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                pass
    found = set(roots)
    while True:
        more = {pid for pid, parent in parents.items() if parent in found} - found
        if not more:
            return found
        found |= more


def resident(pid):
    try:
        with open(f"/proc/{pid}/statm") as statm:
            return int(statm.read().split()[1]) * PAGE
    except (OSError, IndexError, ValueError):
        return 0


class Peak:
    """The largest memory of some processes and their children while the block runs, in bytes."""

    def __init__(self, roots):
        self.roots, self.bytes, self.done = roots, 0, threading.Event()
        self.thread = threading.Thread(target=self.look, daemon=True)

    def look(self):
        while not self.done.wait(0.01):
            self.bytes = max(self.bytes, sum(resident(pid) for pid in descendants(self.roots)))

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()


def run(*commands, env=None):
    """Runs the commands, each reading what the one before it writes. Returns seconds and bytes; a failure ends all."""
    began = time.monotonic()
    processes, feed = [], None
    for index, command in enumerate(commands):
        out = subprocess.PIPE if index + 1 < len(commands) else subprocess.DEVNULL
        process = subprocess.Popen(command, stdin=feed or subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, env=env)
        if feed:
            feed.close()
        feed = process.stdout
        processes.append(process)
    with Peak([process.pid for process in processes]) as peak:
        errors = [process.stderr.read() for process in processes]
        codes = [process.wait() for process in processes]
    seconds = time.monotonic() - began
    if any(codes):
        sys.stderr.write(b"\n".join(errors).decode(errors="replace")[-3000:] + "\n")
        raise RuntimeError(f"`{commands[0][0]}` and what follows it ended with {codes}")
    return seconds, peak.bytes

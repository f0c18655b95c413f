"""Everything a callable says goes to its run's log: `logging`, `print`, writes to `sys.stderr`, warnings, and
tracebacks of threads. A worker runs one step at a time, so whatever thread speaks, the line belongs to that step.

Output written below Python (C code, child processes) takes the pipes on file descriptors 1 and 2, which the host
reads itself.
"""

import io
import logging
import os
import sys
import threading

import _nomaflow
from nomaflow_rt import frames

LONGEST_PART = 64 * 1024

_own_package = ""


class Bridge(logging.Handler):
    """Sends records; other packages' loggers are named in front of the text."""

    def emit(self, record):
        try:
            text = self.format(record)
            name = record.name
            if name not in ("root", "nomaflow.step") and name.partition(".")[0] != _own_package:
                text = f"{name}: {text}"
            send(record.levelno, text)
        except Exception:
            self.handleError(record)


class Stream(io.TextIOBase):
    """A text stream whose whole lines become log lines; parts are kept for each thread until their line ends."""

    encoding = "utf-8"
    errors = "replace"

    def __init__(self, level, original):
        self._level = level
        self._original = original
        self._parts = {}
        self.buffer = original.buffer

    def writable(self):
        return True

    def isatty(self):
        return False

    def fileno(self):
        return self._original.fileno()

    def write(self, text):
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        thread = threading.get_ident()
        *lines, part = (self._parts.pop(thread, "") + text).split("\n")
        if len(part) > LONGEST_PART:
            lines.append(part)
            part = ""
        if part:
            self._parts[thread] = part
        for line in lines:
            self._send(line)
        return len(text)

    def finish(self):
        """Sends what has no line break yet."""
        for thread in list(self._parts):
            self._send(self._parts.pop(thread))
        self.buffer.flush()

    def _send(self, line):
        # A progress bar rewrites its line after "\r": the last state is the line.
        line = line.rstrip("\r")
        send(self._level, line[line.rfind("\r") + 1 :])


_bridge = Bridge()
_bridge.setFormatter(logging.Formatter("%(message)s"))
# It announces every event loop it makes.
logging.getLogger("asyncio").setLevel(logging.INFO)
_stdout = Stream(logging.INFO, sys.__stdout__)
_stderr = Stream(logging.WARNING, sys.__stderr__)


def send(level, text):
    try:
        frames.send({"type": "log", "level": level, "text": text})
    except (OSError, ValueError):
        # A forked child has no socket; a text of many megabytes has no place in a log. The pipe takes both.
        os.write(2, text.encode("utf-8", "replace")[:LONGEST_PART] + b"\n")


def begin(callable_path, level):
    """Puts the bridges in place, also after an earlier step replaced them."""
    global _own_package
    _own_package = callable_path.partition(":")[0].partition(".")[0]
    sys.stdout, sys.stderr = _stdout, _stderr
    root = logging.getLogger()
    if _bridge not in root.handlers:
        root.addHandler(_bridge)
    wanted = logging.DEBUG if level == "DEBUG" else logging.INFO
    if root.level != wanted:
        root.setLevel(wanted)
    logging.captureWarnings(True)


def finish():
    _stdout.finish()
    _stderr.finish()
    _nomaflow.flush_c_output()

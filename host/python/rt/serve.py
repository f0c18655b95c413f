"""The worker's main loop: one call at a time, and between calls the question whether this process is still good.

A step may change the process it runs in. A worker with leftover threads or children, another environment or folder,
or whose plugin files have changed on disk says so and is replaced; a fresh process is the only state that is surely
right.
"""

import faulthandler
import os
import signal
import sys
import threading
import time

import _nomaflow
from nomaflow.errors import StepCanceled
from nomaflow_rt import frames, logs, step

# The kernel stamps files with a clock that ticks a few milliseconds apart.
CLOCK_TICK_NS = 20_000_000


class PluginFiles:
    """The files of the plugin modules this process has loaded, as they were then."""

    def __init__(self, roots):
        self._roots = tuple(root + os.sep for root in roots)
        # An app's virtual environment lies below its folder; the host looks at it as a whole.
        self._packages = sys.prefix + os.sep
        self._stamps = {}
        self._modules = len(sys.modules)

    def changed(self):
        return any(_stamp(path) != stamp for path, stamp in self._stamps.items())

    def _is_code(self, path):
        return path.startswith(self._roots) and not path.startswith(self._packages)

    def note_new(self, since_ns):
        """Notes modules that the step begun at `since_ns` loaded. One written since then may hold newer text than
        the module does: its stamp is left out, and no file ever equals that."""
        if len(sys.modules) == self._modules:
            return
        self._modules = len(sys.modules)
        now_ns = time.time_ns() + CLOCK_TICK_NS
        for module in list(sys.modules.values()):
            path = getattr(module, "__file__", None)
            if isinstance(path, str) and path not in self._stamps and self._is_code(path):
                stamp = _stamp(path)
                just_written = stamp is not None and since_ns - CLOCK_TICK_NS <= stamp[0] <= now_ns
                self._stamps[path] = () if just_written else stamp


def _stamp(path):
    try:
        stat = os.stat(path)
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino


def on_signal(number, frame):
    """The host wants the step to end: a task is cancelled first, plain code gets an exception, and so does a task
    that has not ended at the second signal."""
    running = step.Running
    if running.ctx is None:
        return
    running.ctx._canceled = True
    running.signals += 1
    if running.cancel_task is not None and running.signals == 1:
        running.cancel_task()
    else:
        raise StepCanceled("the step was stopped")


def in_forked_child():
    """A child has neither the socket nor the reading thread; it must not answer for its parent."""
    global _home_pid
    _home_pid = None
    _nomaflow.detach()


_home_pid = os.getpid()
_children = None


def leftovers(before):
    """What the step left behind in this process, None when nothing."""
    if threading.active_count() > 1:
        return "threads"
    if _has_children():
        return "child processes"
    return None if _surroundings() == before else "another environment or folder"


def _has_children():
    # Kept open: opening a file of /proc takes as long as a small step. Kernels built without it see no children.
    global _children
    try:
        if _children is None:
            _children = os.open(f"/proc/self/task/{_home_pid}/children", os.O_RDONLY)
        return bool(os.pread(_children, 1, 0))
    except OSError:
        return False


def _surroundings():
    try:
        return dict(os.environ._data), os.getcwd()
    except OSError:
        return None


def main():
    faulthandler.enable(file=2)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.register_at_fork(after_in_child=in_forked_child)
    hello = frames.receive()
    roots, settings = hello["roots"], hello["settings"]
    sys.path[:0] = roots
    files = PluginFiles(roots)
    before = _surroundings()
    frames.send({"type": "ready", "version": sys.version.split()[0]})
    while True:
        call = frames.receive()
        if "do" in call:
            # Not a step: from here on this process is one connection to a database.
            from nomaflow_rt import database

            database.serve(call)
        if files.changed():
            frames.send({"type": "stale"})
            continue
        since_ns = time.time_ns()
        # Set anew for each step: the one before may have taken the signal for itself.
        signal.signal(signal.SIGUSR1, on_signal)
        done = step.run(call, roots, settings)
        if _home_pid is None:
            # The callable forked and let the child return. The parent's own copy answers the host.
            os._exit(0)
        files.note_new(since_ns)
        done["signals"] = step.Running.signals
        done["leftovers"] = leftovers(before)
        frames.send(done)

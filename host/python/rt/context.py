"""`ctx`: what a callable knows about its run and may ask of the host."""

import logging
import time

from nomaflow.context import PreviousStep
from nomaflow_rt import frames
from nomaflow_rt.connectors import Connector
from nomaflow_rt.state import State

# Twenty times a second is more than any page shows.
PROGRESS_INTERVAL = 0.05


class Context:
    """Passed to the parameter `ctx`, and to a first positional parameter called `context` or annotated `Context`.

    log           a `logging.Logger`: debug, info, warning, error, exception
    params        every parameter of the step, the shared ones included
    dry_run       true when the parameter `dry_run` is
    state         durable keys of the app

    Its types are those of `nomaflow.Context` and `nomaflow.AsyncContext`.
    """

    def __init__(self, call):
        self.run_id = call["run_id"]
        self.job_id = call["job_id"]
        self.app = call["app"]
        self.step = call["step"]
        self.attempt = call["attempt"]
        self.triggered_by = call["triggered_by"]
        # Who it was, or what: `alice` of `user:alice`, `cron`.
        self.session_user = self.triggered_by.partition(":")[2] or self.triggered_by
        self.scheduled_at = call["scheduled_at"]
        self.log_level = call["log_level"]
        self.params = call["params"]
        self.dry_run = call["params"].get("dry_run") is True
        self.log = logging.getLogger("nomaflow.step")
        self.state = State()
        self._results = call["results"]
        self._canceled = False
        self._said_at = 0.0
        self._unsaid = None

    def __repr__(self):
        return f"<ctx of step {self.step!r}, run {self.run_id}>"

    def is_cancelled(self):
        """Whether the run has been cancelled or the step's time is over."""
        return self._canceled

    def progress(self, done, total=None, note=""):
        """Says how far the step is; cheap enough to call for every row."""
        self._unsaid = {"type": "progress", "done": _count(done), "total": None if total is None else _count(total),
                        "note": str(note)}
        now = time.monotonic()
        if now - self._said_at >= PROGRESS_INTERVAL:
            self._said_at = now
            self._say_progress()

    def _say_progress(self):
        unsaid, self._unsaid = self._unsaid, None
        if unsaid is not None:
            frames.send(unsaid)

    def previous_step(self, name):
        """The result of the step `name`; LookupError when no such step ran before this one."""
        result = self._results.get(name)
        if result is None:
            known = ", ".join(f"`{known}`" for known in self._results) or "none"
            raise LookupError(f"no step `{name}` ran before this one; known: {known}")
        return PreviousStep(name, result["status"], result["output"])

    def get_connector(self, name):
        """The connector `name` of connectors.toml, on the host's pools."""
        return Connector(name)

    def secret(self, name):
        """A secret by name. The host blots it out of everything this step says and returns."""
        return frames.ask({"type": "secret", "name": name}, str)


def _count(number):
    return min(max(0, int(number)), 2**63 - 1)

"""The run a step belongs to: facts about it, progress, and the wish to stop."""

import json

from . import _host
from .errors import Error


def get(key):
    """A fact about the run, such as `run.id` or `attempt`, as text; the keys are listed in `context.wit`."""
    if _host.is_component:
        return _host.context.get(key)
    return _host.installed.facts.get(key) if _host.installed else None


def parameter(name):
    """One param of this call by name, also where the call is far away; `None` when there is none."""
    if _host.is_component:
        text = _host.context.parameter(name)
        return None if text is None else json.loads(text)
    return _host.installed.params.get(name) if _host.installed else None


def report(done, total=None, note=""):
    """Shows how far the step is, in its own unit. Once per batch is enough."""
    if _host.is_component:
        _host.context.report(done, total, note)
    elif _host.installed is not None:
        _host.installed.report(done, total, note)


def is_canceled():
    """True once the run has been asked to stop."""
    if _host.is_component:
        return _host.context.canceled()
    return _host.installed is not None and _host.installed.is_canceled


def check():
    """Raises `canceled` once the run has been asked to stop; for long loops without other calls to the host."""
    if is_canceled():
        raise Error("canceled", "the step stopped because the run is being canceled")

"""Secrets the operator granted, by name."""

from . import _host
from .errors import Error


def get(name):
    """The secret called `name`, as it is at this moment. Never log it or return it."""
    if _host.is_component:
        return _host.call(_host.secrets.get, name)
    known = _host.stand_in("secrets").secrets
    if name not in known:
        raise Error("denied", f"the secret `{name}` is not granted")
    return known[name]

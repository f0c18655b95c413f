"""What a plugin remembers from one call to the next: watermarks, change numbers. Needs the grant `state = true`.

A write is durable when it returns, also when the step fails afterwards: move a watermark last.
"""

from . import _host


def get(key):
    """The text kept under a key, or `None`."""
    return _host.call(_host.state.get, key) if _host.is_component else _kept().get(key)


def set(key, value):
    """Keeps a text under a key."""
    if _host.is_component:
        _host.call(_host.state.set, key, value)
    else:
        _kept()[key] = value


def compare_and_set(key, expected, value):
    """Keeps a text if the present one is `expected` (`None`: if there is none), and tells whether it was."""
    if _host.is_component:
        return _host.call(_host.state.compare_and_set, key, expected, value)
    if _kept().get(key) != expected:
        return False
    _kept()[key] = value
    return True


def delete(key):
    """Forgets a key, and tells whether it was there."""
    return _host.call(_host.state.delete, key) if _host.is_component else _kept().pop(key, None) is not None


def scan(prefix=""):
    """Yields every key that begins with `prefix`, in order, with its text."""
    after = None
    while True:
        if _host.is_component:
            page = [(entry.key, entry.value) for entry in _host.call(_host.state.scan, prefix, after, 0)]
        else:
            page = sorted(item for item in _kept().items() if item[0].startswith(prefix) and (after is None or item[0] > after))
        if not page:
            return
        yield from page
        after = page[-1][0]


def _kept():
    return _host.stand_in("state").state

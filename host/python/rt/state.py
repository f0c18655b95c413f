"""Durable keys of the step's app. Values are what JSON can say: they are kept as its text, written in one way, so that
`swap` can compare."""

import json

from nomaflow_rt import frames


class State:
    """Shared by every step of the app, on every process of the store."""

    def get(self, key, default=None):
        """The value of a key."""
        return _ask("get", lambda text: default if text is None else json.loads(text), key=key)

    def set(self, key, value):
        """Sets a key; durable when it returns."""
        return _ask("set", _nothing, key=key, value=_json(key, value))

    def swap(self, key, expected, value):
        """Sets a key only if it has the value `expected` (None: if there is no such key); tells whether it did."""
        expected = None if expected is None else _json(key, expected)
        return _ask("swap", bool, key=key, expected=expected, value=_json(key, value))

    def delete(self, key):
        """Removes a key; tells whether it was there."""
        return _ask("delete", bool, key=key)

    def keys(self, prefix="", after=None):
        """The first 1000 keys after `after` that begin with `prefix`, in order."""
        return _ask("keys", list, prefix=prefix, after=after)


def _ask(what, convert, **more):
    return frames.ask({"type": "state", "what": what, **more}, convert)


def _nothing(_):
    return None


def _json(key, value):
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except (TypeError, ValueError) as wrong:
        raise TypeError(f"the value of key `{key}` is not what JSON can say: {wrong}") from None

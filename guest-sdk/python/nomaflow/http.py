"""Requests to the HTTP servers the operator granted, by host and method.

    answer = http.send("GET", "https://example.test/rates", headers={"accept": "application/json"})
    if answer.status == 200:
        rates = answer.json()
"""

import json as _json
from dataclasses import dataclass

from . import _host


@dataclass
class Response:
    """What a server answered, whatever its status: 404 and 500 are responses, not errors."""

    status: int
    url: str
    headers: list
    body: bytes

    def header(self, name):
        """The first header called `name`, or `None`."""
        return next((value for key, value in self.headers if key == name.lower()), None)

    def text(self):
        """The body as text."""
        return self.body.decode("utf-8", "replace")

    def json(self):
        """The body as JSON."""
        return _json.loads(self.body)


def send(method, url, *, headers=None, body=None, json=None, timeout=None, max_redirects=5):
    """Sends one request and waits for the whole response. `timeout` is in seconds, 30 unless given."""
    headers = list((headers or {}).items())
    if json is not None:
        body = _json.dumps(json).encode()
        headers.append(("content-type", "application/json"))
    if isinstance(body, str):
        body = body.encode()
    if not _host.is_component:
        return _host.stand_in(f"`{method} {url}`").send(method, url, headers, body)
    wire = _host.http
    milliseconds = None if timeout is None else int(timeout * 1000)
    got = _host.call(wire.send, wire.Request(method, url, headers, body, milliseconds, max_redirects))
    return Response(got.status, got.url, got.headers, got.body)

"""Messages to and from the host as JSON over the socket that the native module `_nomaflow` owns.

`ask` is the one way to ask the host something: it blocks in plain code and returns an awaitable where an event loop
runs, so that one method serves `def` and `async def` callables.
"""

import json
import sys

import _nomaflow
from nomaflow.errors import HostError

LARGEST = 64 * 1024 * 1024


def encode(message):
    # "replace": half a surrogate pair, which a file name may hold, has no place in UTF-8.
    text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    body = text.encode("utf-8", "replace")
    if len(body) > LARGEST:
        raise ValueError(f"{len(body) >> 20} MiB at once are too much, at most {LARGEST >> 20} MiB may cross")
    return body


def send(message):
    _nomaflow.send(encode(message))


def receive():
    return json.loads(_nomaflow.receive())


def ask(question, convert):
    """The converted answer, or an awaitable of it where an event loop runs in this thread."""
    body = encode(question)
    loop = running_loop()
    if loop is not None:
        return _ask_from(loop, body, convert)
    return convert(_answer(_nomaflow.ask(body)))


def running_loop():
    """The event loop of this thread, None in plain code."""
    # Importing asyncio takes longer than starting the interpreter; who has not imported it runs no loop.
    asyncio = sys.modules.get("asyncio")
    return asyncio._get_running_loop() if asyncio is not None else None


async def _ask_from(loop, body, convert):
    answered = loop.create_future()

    def settle(answer):
        if not answered.done():
            answered.set_result(answer)

    def on_answer(answer):
        try:
            loop.call_soon_threadsafe(settle, answer)
        except RuntimeError:
            pass  # The loop ended while the answer was under way.

    number = _nomaflow.ask_later(body, on_answer)
    try:
        answer = await answered
    except BaseException:
        _nomaflow.forget(number)
        send({"type": "forget", "number": number})
        raise
    return convert(_answer(answer))


class WithMemory:
    """An answer that came with a file of the host's, mapped into this process."""

    def __init__(self, value, memory):
        self.value, self.memory = value, memory


def _answer(came):
    body, memory = came if type(came) is tuple else (came, None)
    answer = json.loads(body)
    if "error" in answer:
        raise HostError(answer["error"]["kind"], answer["error"]["message"])
    return answer["value"] if memory is None else WithMemory(answer["value"], memory)

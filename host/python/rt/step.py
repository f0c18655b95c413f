"""One step from the host's call to the message that ends it: load, bind, run in plain code or in an event loop of its
own, check what it returned, and put what it raised into words.
"""

import inspect
import logging
import traceback
import warnings

from nomaflow.errors import HostError, StepCanceled
from nomaflow_rt import callables, frames, logs
from nomaflow_rt.context import Context
from nomaflow_rt.values import to_json

# The frames of these functions come right before the author's: everything up to the last of them is ours.
_ENTRIES = frozenset(("_enter", "_enter_async"))


class Running:
    """The step in hand, as the signal handler sees it. `ctx` is None between steps."""

    ctx = None
    signals = 0
    cancel_task = None


def run(call, roots, settings):
    """The message of kind `done` for this call; never raises, whatever the callable does."""
    try:
        logs.begin(call["callable"], call["log_level"])
        ctx = Context(call)
        try:
            Running.signals, Running.cancel_task, Running.ctx = 0, None, ctx
            # Leaving this block also forgets which warnings were shown, so that every step shows its own.
            with warnings.catch_warnings():
                returned = _enter(call, ctx, roots, settings)
                output = _output_of(returned)
        finally:
            Running.ctx = None
            ctx._say_progress()
            logs.finish()
        frames.encode(output)
        return {"type": "done", "output": output}
    except BaseException as raised:
        Running.ctx = None
        return _failure(raised, call["callable"])


def _enter(call, ctx, roots, settings):
    path = call["callable"]
    function = callables.load(path, roots)
    positional, named = callables.bind(function, path, ctx, call["own_keys"], settings)
    returned = function(*positional, **named)
    if inspect.isawaitable(returned):
        import asyncio

        return asyncio.run(_enter_async(returned))
    return returned


async def _enter_async(returned):
    import asyncio

    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    Running.cancel_task = lambda: loop.call_soon_threadsafe(task.cancel)
    try:
        return await returned
    finally:
        Running.cancel_task = None


class ReturnError(Exception):
    """The callable returned something that is not a step's result."""


def _output_of(returned):
    if returned is None:
        return {}
    if isinstance(returned, int) and not isinstance(returned, bool):
        return {"rows_affected": _rows(returned)}
    if not isinstance(returned, dict):
        raise ReturnError(f"returned a `{type(returned).__name__}`; return an object, a number of rows or nothing")
    try:
        output = to_json(returned, "output")
    except (TypeError, RecursionError) as wrong:
        raise ReturnError(f"returned what cannot be kept: {wrong}") from None
    rows = output.get("rows_affected")
    if rows is not None:
        if not isinstance(rows, int) or isinstance(rows, bool):
            raise ReturnError(f"returned {rows!r} as `rows_affected`, which is a whole number")
        output["rows_affected"] = _rows(rows)
    return output


def _rows(count):
    if count < 0:
        # DB-API drivers say -1 for "unknown"; the work is done, so this is no reason to fail.
        logging.getLogger("nomaflow.step").warning("rows_affected is %d, counted as 0", count)
        return 0
    if count >= 2**63:
        raise ReturnError(f"returned {count} as `rows_affected`, which no table holds")
    return count


def _failure(raised, path):
    if isinstance(raised, callables.DefinitionError):
        return _failed("definition", str(raised), "")
    if isinstance(raised, ReturnError):
        return _failed("failed", f"`{path}` {raised}", "")
    try:
        kind = "canceled" if isinstance(raised, StepCanceled) else "failed"
        if isinstance(raised, HostError):
            kind = raised.kind
        elif isinstance(raised, (ImportError, SyntaxError)):
            # Code that cannot be imported is no better in a minute.
            kind = "definition"
        report = traceback.TracebackException.from_exception(raised)
        _cut(report, set())
        detail = "".join(report.format())
        text = str(raised)
        name = type(raised).__name__
        return _failed(kind, f"{name}: {text}" if text else name, detail)
    except Exception as worse:
        # `__str__` of the author's exception may raise as well.
        return _failed("failed", f"{type(raised).__name__} (its text cannot be shown: {type(worse).__name__})", "")


def _failed(kind, message, detail):
    return {"type": "done", "kind": kind, "message": _cap(message, 4_000), "detail": _cap(detail, 200_000)}


def _cap(text, longest):
    return text if len(text) <= longest else f"{text[:longest]} …"


def _cut(report, seen):
    """Removes our frames and the import machinery's, here and in every cause."""
    if report is None or id(report) in seen:
        return
    seen.add(id(report))
    entries = [i for i, frame in enumerate(report.stack) if _is_ours(frame) and frame.name in _ENTRIES]
    kept = report.stack[entries[-1] + 1 :] if entries else report.stack
    authors = [frame for frame in kept if not _is_ours(frame) and not _is_import(frame)]
    report.stack = traceback.StackSummary.from_list(authors)
    for other in (report.__cause__, report.__context__, *(getattr(report, "exceptions", None) or ())):
        _cut(other, seen)


def _is_ours(frame):
    return frame.filename.startswith("<nomaflow")


def _is_import(frame):
    return frame.filename.startswith("<frozen importlib") or frame.filename == callables.importlib.__file__

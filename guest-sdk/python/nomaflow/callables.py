"""Callables: what a plugin can run, with the JSON Schema that its signature stands for."""

import dataclasses
import enum
import inspect
import json
import math
import sys
import traceback
import types
import typing

from .errors import Error

# The callables of this plugin by name, in the order they were written.
registered = {}


@dataclasses.dataclass
class Callable:
    """One callable, and what the host is told about it."""

    name: str
    function: typing.Callable
    title: str
    doc: str
    params_schema: dict
    result_schema: dict
    hints: dict

    def run(self, params):
        """Runs it on a dict of params, as a job gives them; returns a dict."""
        known = inspect.signature(self.function).parameters
        arguments = {}
        for name, parameter in known.items():
            if name in params:
                arguments[name] = _decoded(self.hints[name], params[name], name)
            elif parameter.default is inspect.Parameter.empty:
                raise Error("invalid", f"the params of `{self.name}` do not fit: `{name}` is missing")
        result = _plain(self.function(**arguments))
        return {} if result is None else result


def callable(function=None, *, name=None, title=None):
    """Makes a function a callable. Every parameter needs a type; one with a default may be left out by a job.

    Types: `str`, `int`, `float`, `bool`, `None`, `list[T]`, `dict[str, T]`, `T | None`, `Literal[...]`, `Enum`, dataclasses,
    `dict` and `Any` for what is not looked at. `name` is for jobs; `reports:purge` puts it into a module.
    """
    if function is None:
        return lambda function: callable(function, name=name, title=title)
    called = name or function.__name__
    if inspect.iscoroutinefunction(function):
        raise TypeError(f"`{called}` is an `async def`: calls of the host are synchronous, so a callable is a plain function")
    doc = inspect.getdoc(function) or ""
    hints = typing.get_type_hints(function, include_extras=True)
    params = {"type": "object", "properties": {}, "additionalProperties": False}
    required = []
    for key, parameter in inspect.signature(function).parameters.items():
        if key not in hints:
            raise TypeError(f"`{called}`: the parameter `{key}` needs a type")
        params["properties"][key] = schema = _schema_of(hints[key], f"`{called}`: the parameter `{key}`")
        if parameter.default is inspect.Parameter.empty:
            required.append(key)
        elif parameter.default is not None:
            schema["default"] = _plain(parameter.default)
    if required:
        params["required"] = required
    returned = hints.get("return")
    result = {} if returned in (None, type(None)) else _schema_of(returned, f"`{called}`: the result")
    if called in registered:
        raise TypeError(f"there are two callables `{called}`")
    first_line = doc.split("\n", 1)[0].rstrip(".")
    registered[called] = Callable(called, function, title or first_line, doc, params, result, hints)
    return function


def call(name, text):
    """Runs a callable on params in JSON, as the host does; returns JSON. Raises only `Error`."""
    found = registered.get(name)
    if found is None:
        raise Error("not-found", f"there is no callable `{name}`; there are `{'`, `'.join(registered)}`")
    try:
        return json.dumps(found.run(json.loads(text or "{}")), allow_nan=False)
    except Error:
        raise
    except BaseException as error:
        # `sys.exit()` too: whatever leaves here otherwise ends the component without a word.
        raise Error("failed", f"{type(error).__name__}: {error}", detail=traceback.format_exc()) from None
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


_SIMPLE = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null", dict: "object", list: "array"}


def _schema_of(hint, what):
    """The schema of a type; an error names what it is the type of."""
    try:
        return _schema(hint)
    except TypeError as error:
        raise TypeError(f"{what}: {error}") from None


def _schema(hint):
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    # First, because what is annotated with need not be hashable.
    if origin is typing.Annotated:
        texts = [text for text in arguments[1:] if isinstance(text, str)]
        # The word alone is no description: whoever starts a run with this param has to confirm it.
        described = {"destructive": True} if "destructive" in texts else {}
        return {**_schema(arguments[0]), **described, **{"description": text for text in texts if text != "destructive"}}
    if hint in _SIMPLE:
        return {"type": _SIMPLE[hint]}
    if hint is typing.Any or hint is object:
        return {}
    if origin in (typing.Union, types.UnionType):
        kinds = [_schema(argument) for argument in arguments]
        simple = all(set(kind) == {"type"} for kind in kinds)
        return {"type": [kind["type"] for kind in kinds]} if simple else {"anyOf": kinds}
    if origin is list:
        return {"type": "array", "items": _schema(arguments[0])}
    if origin is dict:
        return {"type": "object", "additionalProperties": _schema(arguments[1])}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return {"enum": [member.value for member in hint]}
    if dataclasses.is_dataclass(hint):
        hints = typing.get_type_hints(hint, include_extras=True)
        fields = dataclasses.fields(hint)
        needed = [f.name for f in fields if f.default is dataclasses.MISSING and f.default_factory is dataclasses.MISSING]
        schema = {"type": "object", "properties": {f.name: _schema(hints[f.name]) for f in fields}}
        return {**schema, "required": needed} if needed else schema
    raise TypeError(f"the type `{hint}` has no JSON Schema")


def _decoded(hint, value, name):
    """The value as its type wants it: dataclasses and enums are made, the rest is looked at."""
    def wrong():
        shown = getattr(hint, "__name__", str(hint))
        return Error("invalid", f"the param `{name}` does not fit: {json.dumps(value)[:80]} is no {shown}")

    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _decoded(arguments[0], value, name)
    if hint is typing.Any or hint is object:
        return value
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if hint is int and isinstance(value, float) and math.isfinite(value) and value == int(value):
        return int(value)
    if hint in _SIMPLE:
        if not isinstance(value, hint) or (hint in (int, float) and isinstance(value, bool)):
            raise wrong()
        return value
    if origin in (typing.Union, types.UnionType):
        for argument in arguments:
            try:
                return _decoded(argument, value, name)
            except Error:
                continue
        raise wrong()
    if origin is list and isinstance(value, list):
        return [_decoded(arguments[0], item, f"{name}[{at}]") for at, item in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {key: _decoded(arguments[1], item, f"{name}.{key}") for key, item in value.items()}
    if origin is typing.Literal and value in arguments:
        return value
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        try:
            return hint(value)
        except ValueError:
            raise wrong() from None
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        hints = typing.get_type_hints(hint, include_extras=True)
        known = {key: _decoded(hints[key], item, f"{name}.{key}") for key, item in value.items() if key in hints}
        try:
            return hint(**known)
        except TypeError:
            raise wrong() from None
    raise wrong()


def _plain(value):
    """What `json` can write: dataclasses as dicts, enums as their values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: _plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value

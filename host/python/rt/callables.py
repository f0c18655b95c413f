"""From `pkg.module:function` and parameters to a call that is ready to be made, with a precise sentence for every way
this can go wrong. A failure here is the job's definition being wrong: trying again would not help.
"""

import datetime
import decimal
import difflib
import importlib
import importlib.util
import inspect
import pathlib
import sys
import types
import typing

from nomaflow_rt.connectors import Connectors

TRUE_WORDS = frozenset(("true", "t", "yes", "y", "1", "on"))
FALSE_WORDS = frozenset(("false", "f", "no", "n", "0", "off"))
_FIRST_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class DefinitionError(Exception):
    """The step names something that does not exist or does not fit."""


def load(path, roots):
    """The object that `path` names, imported now if it was not before."""
    module_name, colon, attributes = path.partition(":")
    if not (colon and module_name and attributes):
        raise DefinitionError(f"callable `{path}` is not of the form `pkg.module:function`")
    found = sys.modules.get(module_name)
    try:
        if found is None:
            # The finders remember folders by whole-second times.
            importlib.invalidate_caches()
            found = importlib.import_module(module_name)
    except ModuleNotFoundError as missing:
        if missing.name and (module_name == missing.name or module_name.startswith(missing.name + ".")):
            searched = ", ".join(f"`{root}`" for root in roots)
            raise DefinitionError(f"module `{missing.name}` of callable `{path}` was not found in {searched}") from None
        raise
    for attribute in attributes.split("."):
        try:
            found = getattr(found, attribute)
        except AttributeError:
            near = _near(attribute, dir(found))
            raise DefinitionError(f"callable `{path}`: {_name_of(found)} has no `{attribute}`{near}") from None
    if not callable(found):
        raise DefinitionError(f"`{path}` is a `{type(found).__name__}`, not a function")
    return found


def _name_of(found):
    return f"module `{found.__name__}`" if inspect.ismodule(found) else f"`{getattr(found, '__name__', found)}`"


def _near(wrong, known):
    near = difflib.get_close_matches(wrong, [name for name in known if not name.startswith("__")], n=3)
    return f"; did you mean {' or '.join(f'`{name}`' for name in near)}?" if near else ""


def bind(function, path, ctx, own_keys, settings):
    """Positional and keyword arguments for `function`: `ctx`, `connectors` and `settings` where it asks for them,
    the step's own parameters, and those shared parameters it declares."""
    declared, hints = _declaration(function, path)
    if declared is None:
        # Functions written in C may hide their parameters: they get what the step names, as it is.
        return [], {key: ctx.params[key] for key in own_keys}
    takes_any = any(p.kind is p.VAR_KEYWORD for p in declared.values())
    named = [p.name for p in declared.values() if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)]
    own = set(own_keys)
    for key in own_keys:
        if key not in named and not takes_any:
            takes = ", ".join(f"`{name}`" for name in named) or "nothing"
            raise DefinitionError(f"`{path}` has no parameter `{key}`{_near(key, named)}; it takes {takes}")
    injected = {"ctx": ctx, "connectors": Connectors(), "settings": settings}
    values = {name: value for name, value in injected.items() if (name in named or takes_any) and name not in own}
    for key, value in ctx.params.items():
        if key not in values and (key in named or takes_any):
            values[key] = coerce(value, hints.get(key, typing.Any), key, path) if key in named else value
    _give_ctx_to_the_first(declared, values, ctx)
    missing = [p.name for p in declared.values() if p.name in named and p.name not in values and p.default is p.empty]
    if missing:
        names = " and ".join(f"`{name}`" for name in missing)
        raise DefinitionError(f"`{path}` needs {names}, and the step gives no such parameter")
    positional = [p.name for p in declared.values() if p.kind is p.POSITIONAL_ONLY and p.name in values]
    return [values.pop(name) for name in positional], values


def _give_ctx_to_the_first(declared, values, ctx):
    """A first positional parameter of another name means ctx too, when it says so or can mean nothing else."""
    first = next(iter(declared.values()), None)
    if first is None or "ctx" in values or first.name in values or first.kind not in _FIRST_POSITIONAL:
        return
    kind = first.annotation if isinstance(first.annotation, str) else getattr(first.annotation, "__name__", "")
    if first.name.strip("_") in ("", "context", "ctx") or kind.rpartition(".")[2] in ("AsyncContext", "Context", "Ctx", "StepContext"):
        values[first.name] = ctx


_declarations = {}


def _declaration(function, path):
    """Parameters and annotations, kept because finding them costs as much as the rest of a small step."""
    known = _declarations.get(path)
    if known is None or known[0] is not function:
        try:
            declared = inspect.signature(function).parameters
        except (TypeError, ValueError):
            declared = None
        known = _declarations[path] = (function, declared, _hints(function))
    return known[1:]


def _hints(function):
    try:
        return typing.get_type_hints(function)
    except Exception:
        # A hint that names a type only type checkers import: the plain annotations are all there is.
        return dict(getattr(function, "__annotations__", {}))


def coerce(value, kind, key, path):
    """`value` as the annotation wants it; what is no simple type passes as it is."""
    if typing.get_origin(kind) is typing.Annotated:
        kind = typing.get_args(kind)[0]
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        arms = typing.get_args(kind)
        if any(type(value) is arm for arm in arms):
            return value
        kind = next((arm for arm in arms if arm is not type(None)), typing.Any)
    convert = _CONVERSIONS.get(kind) if isinstance(kind, type) else None
    if convert is None or value is None:
        return value
    try:
        return convert(value)
    except (ValueError, TypeError, decimal.InvalidOperation):
        wrong = f"parameter `{key}` of `{path}` must be `{kind.__name__}`, the step gives {value!r}"
        raise DefinitionError(wrong) from None


def _bool(value):
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in TRUE_WORDS:
        return True
    if word in FALSE_WORDS:
        return False
    raise ValueError


def _int(value):
    if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
        raise ValueError
    return int(value)


def _float(value):
    if isinstance(value, bool):
        raise ValueError
    return float(value)


def _str(value):
    if isinstance(value, (dict, list)):
        raise ValueError
    return value if isinstance(value, str) else str(value)


_CONVERSIONS = {
    bool: _bool,
    int: _int,
    float: _float,
    str: _str,
    decimal.Decimal: lambda value: decimal.Decimal(_str(value)),
    datetime.date: datetime.date.fromisoformat,
    datetime.datetime: datetime.datetime.fromisoformat,
    pathlib.Path: lambda value: pathlib.Path(_str(value)),
}

"""Lists the public functions of Python files by parsing them; nothing is imported. Run by `-c` with the apps as JSON
(`[[name, folder], …]`) on standard input, by `host/python/src/discover.rs`; not part of a worker.
"""

import ast
import json
import os
import sys

INJECTED = {"ctx", "connectors", "settings"}
CONTEXTS = {"Context", "AsyncContext", "StepContext", "Ctx"}
SKIPPED = {"__pycache__", "node_modules", "tests", "sdk"}
# Of a plugin project, which has an `sdk`: what goes into its component, where no step of ours can import it.
OF_A_PROJECT = {"src", "vendor", "target"}
NULL = {"type": "null"}
# What `rt/callables.py` converts to, and what plain values are called otherwise; any other annotation takes any value.
TYPES = {
    "bool": {"type": "boolean"},
    "int": {"type": "integer"},
    "float": {"type": "number"},
    "str": {"type": "string"},
    "Decimal": {"type": ["number", "string"]},
    "date": {"type": "string", "format": "date"},
    "datetime": {"type": "string", "format": "date-time"},
    "Path": {"type": "string"},
    "dict": {"type": "object"},
    "Dict": {"type": "object"},
    "Mapping": {"type": "object"},
    "list": {"type": "array"},
    "List": {"type": "array"},
    "Sequence": {"type": "array"},
    "None": NULL,
}


# Folders may lead around in circles.
DEEPEST = 8


def modules(folder, package=""):
    """Module names and files below `folder`: files that are not private, and those of folders, which are packages with
    or without an `__init__.py`."""
    skipped = SKIPPED | OF_A_PROJECT if not package and os.path.isdir(os.path.join(folder, "sdk")) else SKIPPED
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        stem, ending = os.path.splitext(name)
        if name == "__init__.py" and package:
            yield package[:-1], path
        elif name.startswith(("_", ".")) or name in skipped:
            continue
        elif ending == ".py" and stem.isidentifier() and os.path.isfile(path):
            yield package + stem, path
        elif name.isidentifier() and os.path.isdir(path) and package.count(".") < DEEPEST:
            # The files of a virtual environment are not its app's.
            if not os.path.exists(os.path.join(path, "pyvenv.cfg")):
                yield from modules(path, f"{package}{name}.")


def look_at(app, module, path):
    found = {"app": app, "module": module, "path": path, "problem": None, "callables": []}
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), os.path.basename(path))
    except SyntaxError as wrong:
        found["problem"] = f"{wrong.msg} (line {wrong.lineno})" if wrong.lineno else wrong.msg
    except (OSError, ValueError, RecursionError) as wrong:
        found["problem"] = str(wrong)
    else:
        public = exported(tree)
        functions = [node for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
        # The last definition of a name is the one that counts.
        latest = {node.name: node for node in functions if (node.name in public if public is not None else not node.name.startswith("_"))}
        found["callables"] = [describe(node) for node in latest.values()]
    return found


def exported(tree):
    """The names in `__all__`, None where it is absent or computed."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets):
            try:
                return set(ast.literal_eval(node.value))
            except (ValueError, TypeError):
                return None
    return None


def describe(node):
    arguments = node.args
    positional = arguments.posonlyargs + arguments.args
    defaults = [None] * (len(positional) - len(arguments.defaults)) + arguments.defaults
    pairs = [*zip(positional, defaults), *zip(arguments.kwonlyargs, arguments.kw_defaults)]
    params = [
        {"name": a.arg, "kind": source(a.annotation) or "", "default": source(default)}
        for index, (a, default) in enumerate(pairs)
        if not is_injected(a, index == 0 and bool(positional))
    ]
    whole = ast.get_docstring(node) or ""
    takes_any = arguments.kwarg is not None
    return {
        "name": node.name,
        "line": node.lineno,
        "doc": " ".join(whole.split("\n\n")[0].split()),
        "whole_doc": whole,
        "is_async": isinstance(node, ast.AsyncFunctionDef),
        "takes_any": takes_any,
        "params": params,
        "schema": schema_of(pairs, {param["name"] for param in params}, takes_any),
    }


def schema_of(pairs, names, takes_any):
    """The parameters a step gives as a JSON Schema, for an editor."""
    properties, required = {}, []
    for argument, default in pairs:
        if argument.arg not in names:
            continue
        schema = dict(schema_of_kind(argument.annotation))
        if default is None:
            required.append(argument.arg)
        else:
            try:
                value = ast.literal_eval(default)
                json.dumps(value, allow_nan=False)
                schema["default"] = value
            except (ValueError, TypeError, SyntaxError, RecursionError):
                pass  # A default that is computed: known when the function is called.
        properties[argument.arg] = schema
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": takes_any}


def schema_of_kind(node):
    if node is None:
        return {}
    if isinstance(node, ast.Constant):
        if node.value is None:
            return NULL
        if isinstance(node.value, str):
            try:
                return schema_of_kind(ast.parse(node.value, mode="eval").body)
            except SyntaxError:
                return {}
        return {}
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return either([schema_of_kind(node.left), schema_of_kind(node.right)])
    if isinstance(node, ast.Subscript):
        inner = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
        name = last_name(node.value)
        if name == "Annotated":
            return {**schema_of_kind(inner[0]), **marks(inner[1:])}
        if name == "Optional":
            return either([schema_of_kind(inner[0]), NULL])
        if name == "Union":
            return either([schema_of_kind(kind) for kind in inner])
        if name == "Literal":
            values = [one.value for one in inner if isinstance(one, ast.Constant) and isinstance(one.value, (str, int, type(None)))]
            return {"enum": values} if len(values) == len(inner) else {}
        if name in ("list", "List", "Sequence"):
            items = schema_of_kind(inner[0])
            return {"type": "array", "items": items} if items else {"type": "array"}
        return TYPES.get(name, {})
    return TYPES.get(last_name(node), {})


def marks(notes):
    """What `Annotated` says beyond the type: the word `destructive` has whoever starts a run confirm the parameter."""
    said = any(isinstance(note, ast.Constant) and note.value == "destructive" for note in notes)
    return {"destructive": True} if said else {}


def either(schemas):
    """Any of these; a schema that takes everything takes the others in."""
    if not all(schemas):
        return {}
    flat = [one for schema in schemas for one in schema.get("anyOf", [schema])]
    return {"anyOf": flat}


def last_name(node):
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_injected(argument, is_first):
    """The same rule as the worker's (`rt/callables.py`)."""
    kind = (source(argument.annotation) or "").strip("'\"").rpartition(".")[2]
    return argument.arg in INJECTED or is_first and (argument.arg.strip("_") in ("", "context") or kind in CONTEXTS)


def source(node):
    return None if node is None else ast.unparse(node)


found = [look_at(app, *found) for app, folder in json.load(sys.stdin) for found in modules(folder)]
# "replace": half a surrogate pair, which a text may hold, has no place in UTF-8.
sys.stdout.buffer.write(json.dumps(found, ensure_ascii=False).encode("utf-8", "replace"))

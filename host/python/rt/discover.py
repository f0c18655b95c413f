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


def modules(folder, package=""):
    """Module names and files below `folder`: files that are not private, and packages."""
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        stem, ending = os.path.splitext(name)
        if name == "__init__.py" and package:
            yield package[:-1], path
        elif name.startswith(("_", ".")) or name in SKIPPED:
            continue
        elif ending == ".py" and stem.isidentifier() and os.path.isfile(path):
            yield package + stem, path
        elif name.isidentifier() and os.path.isfile(os.path.join(path, "__init__.py")):
            yield from modules(path, f"{package}{name}.")


def look_at(app, module, path):
    found = {"app": app, "module": module, "problem": None, "callables": []}
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
    doc = (ast.get_docstring(node) or "").split("\n\n")[0]
    return {
        "name": node.name,
        "line": node.lineno,
        "doc": " ".join(doc.split()),
        "is_async": isinstance(node, ast.AsyncFunctionDef),
        "takes_any": arguments.kwarg is not None,
        "params": params,
    }


def is_injected(argument, is_first):
    """The same rule as the worker's (`rt/callables.py`)."""
    kind = (source(argument.annotation) or "").strip("'\"").rpartition(".")[2]
    return argument.arg in INJECTED or is_first and (argument.arg.strip("_") in ("", "context") or kind in CONTEXTS)


def source(node):
    return None if node is None else ast.unparse(node)


json.dump([look_at(app, *found) for app, folder in json.load(sys.stdin) for found in modules(folder)], sys.stdout)

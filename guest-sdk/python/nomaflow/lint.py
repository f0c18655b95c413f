"""Finds what works natively and fails in a component: imports inside functions. Run before every build."""

import ast
import pathlib
import sys


def find_late_imports(source, name):
    """Yields `file:line: what is wrong` for each import inside a function."""
    tree = ast.parse(source, name)
    for function in ast.walk(tree):
        if not isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            continue
        for node in ast.walk(function):
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield f"{name}:{node.lineno}: import at the top of the module: in a component nothing can be imported later"


def main(folders):
    found = set()
    for folder in folders:
        for path in pathlib.Path(folder).rglob("*.py"):
            try:
                found.update(find_late_imports(path.read_text("utf-8"), str(path)))
            except SyntaxError as error:
                found.add(f"{path}:{error.lineno}: {error.msg}")
    for line in sorted(found):
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

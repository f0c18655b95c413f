"""First code of a Python worker, run by `-c` with `SOURCES` (module name -> source text) set before it.

It makes the modules of `nomaflow_rt` and `nomaflow`, which live inside the host binary, importable, and hands over to their loop.
Nothing is imported from the current folder: the worker's folder is none of the job's business.
"""

import sys

if sys.path and sys.path[0] == "":
    del sys.path[0]
# A .pyc is trusted by whole-second time and size, so an edit within a second would be missed.
sys.dont_write_bytecode = True

import importlib.machinery


class BuiltInSources:
    """Finds and loads the modules that the host binary carries."""

    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in SOURCES:
            return importlib.machinery.ModuleSpec(name, cls, is_package=name in ("nomaflow", "nomaflow_rt"))
        return None

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        name = module.__spec__.name
        # The file name in angle brackets is how tracebacks know which frames are ours.
        exec(compile(SOURCES[name], f"<{name}>", "exec"), module.__dict__)


sys.meta_path.insert(0, BuiltInSources)

from nomaflow_rt import serve

serve.main()

"""Ids that exist, in every second request, and bodies that are files; see `check.py`."""

import itertools
import os

import schemathesis

TURN = itertools.count()


@schemathesis.serializer("application/wasm")
def component(context, value):
    """What was made up, as the bytes of a file."""
    value = getattr(value, "data", value)
    return {"data": value if isinstance(value, bytes) else str(value).encode()}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    operation = getattr(context, "operation", None)
    path = operation.path if operation else ""
    if path_parameters and next(TURN) % 2:
        if "id" in path_parameters:
            path_parameters["id"] = os.environ["RUN_ID" if "/runs/" in path else "JOB_ID"]
        if "name" in path_parameters and "/connectors/" in path:
            path_parameters["name"] = "db"
    return path_parameters

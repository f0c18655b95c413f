"""The exports of a component. Only a component imports this module."""

import json

from componentize_py_types import Err
from wit_world import exports
from wit_world.exports.callables import Callable
from wit_world.imports import types

from . import callables
from .errors import Error


class Callables(exports.Callables):
    """What the host calls."""

    def describe(self):
        return [
            Callable(it.name, it.title, it.doc, json.dumps(it.params_schema), json.dumps(it.result_schema), [])
            for it in callables.registered.values()
        ]

    def call(self, name, params):
        try:
            return callables.call(name, params)
        except Error as error:
            raise Err(types.Error(error.code, error.message, error.retryable, error.detail)) from None

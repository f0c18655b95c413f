"""What a Python step of Nomaflow is written against.

`Context` is the type of `ctx` in a `def`, `AsyncContext` in an `async def`; `etl` has helpers that load tables, `testing`
a stand-in for `ctx`. Inside a worker this package is the worker's own, whatever is installed.
"""

from nomaflow.arrow import ArrowResult
from nomaflow.context import (
    AsyncConnector,
    AsyncConnectors,
    AsyncContext,
    AsyncState,
    Connector,
    Connectors,
    Context,
    PreviousStep,
    State,
)
from nomaflow.errors import HostError, StepCanceled

__all__ = [
    "ArrowResult",
    "AsyncConnector",
    "AsyncConnectors",
    "AsyncContext",
    "AsyncState",
    "Connector",
    "Connectors",
    "Context",
    "HostError",
    "PreviousStep",
    "State",
    "StepCanceled",
]

"""Write a Nomaflow step in Python.

    from nomaflow import callable, log

    @callable
    def greet(name: str, times: int = 1) -> dict:
        \"\"\"Greets somebody.\"\"\"
        log.info(f"greeting {name}")
        return {"greeting": ", ".join([f"hello {name}"] * times)}

A callable's params, result and documentation are read from its signature and docstring. What it may ask of Nomaflow is in
`sql`, `http`, `ldap`, `state`, `secrets`, `context` and `log`; `nomaflow.testing` stands in for Nomaflow in tests.
Import at the top of a module only: what is imported later is not in the component.
"""

from . import context, http, ldap, log, secrets, sql, state
from .callables import callable
from .errors import Error

__all__ = ["Error", "callable", "context", "http", "ldap", "log", "secrets", "sql", "state"]

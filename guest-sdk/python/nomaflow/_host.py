"""The far side of every call: the host in a component, the stand-ins of `nomaflow.testing` elsewhere.

In a component the modules of `wit_world` are there; natively they are not, and `installed` holds the stand-in.
"""

from .errors import Error

try:
    from componentize_py_types import Err
    from wit_world.imports import context, http, ldap, log, secrets, sql, state, types
    is_component = True
except ImportError:
    Err = context = http = ldap = log = secrets = sql = state = types = None
    is_component = False

# The stand-in of the present test.
installed = None


def stand_in(what):
    """The installed stand-in; `what` says in the error what was tried without one."""
    if installed is None:
        raise Error("unavailable", f"there is no host for {what}: install a `nomaflow.testing.Host`")
    return installed


def call(function, *arguments):
    """Calls an import; its error becomes ours."""
    try:
        return function(*arguments)
    except Err as error:
        it = error.value
        raise Error(it.code, it.message, it.retryable, it.detail) from None

"""Lines of the run's log. Nothing here fails; what is below the run's log level is dropped by the host.

`print` works too: its lines go to the log of the run.
"""

from . import _host


def write(level, message, **fields):
    """Adds one line of a level (`trace`, `debug`, `info`, `warn`, `error`) with further facts by name."""
    pairs = [(name, str(value)) for name, value in fields.items()]
    if _host.is_component:
        _host.log.write(_host.log.Level[level.upper()], str(message), pairs)
    elif _host.installed is not None:
        _host.installed.lines.append((level, str(message), dict(pairs)))


def debug(message, **fields):
    """For the developer of the plugin."""
    write("debug", message, **fields)


def info(message, **fields):
    """For the operator."""
    write("info", message, **fields)


def warn(message, **fields):
    """Something is odd, the step goes on."""
    write("warn", message, **fields)


def error(message, **fields):
    """Something failed."""
    write("error", message, **fields)

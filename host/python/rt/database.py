"""One connection of a DB-API module, for a connector of the host (`driver.rs`). The process belongs to it and ends with it.

The driver works in a thread of its own and the main thread only waits, because signals reach nothing but the main
thread: the host's signal stops the statement that the driver is in. Every question gets one answer.

Values cross as cells (`values.py`). What Oracle would bend on its way is put right here: numbers are decimals with the
scale of their column, and the server itself spells timestamps, which have nine digits and an offset.
"""

import decimal
import importlib
import os
import signal
import threading

from nomaflow_rt import frames
from nomaflow_rt.values import from_cell, to_cell

# Bytes of JSON of one answer; the last row may pass it.
ANSWER = 256 * 1024
FETCHED = 500


class Absent(Exception):
    """The module is not there, or is none that can be used."""


def serve(order):
    """Answers until the host has enough."""
    desk = _Desk()
    signal.signal(signal.SIGUSR1, lambda number, frame: desk.stop())
    work = threading.Thread(target=_work, args=(desk, order), daemon=True)
    work.start()
    # A wait of the main thread is interrupted by signals, and goes on behind the handler.
    work.join()
    os._exit(0)


def _work(desk, question):
    while True:
        try:
            answer = getattr(desk, question["do"])(**question["with"])
            body = {"answer": answer}
        except Absent as error:
            body = {"absent": str(error)}
        except BaseException as error:
            body = {"refused": desk.words(error)}
        frames.send(body)
        question = frames.receive()


class _Desk:
    def __init__(self):
        self._module = self._connection = self._cursor = None
        self._columns, self._described = [], None
        self._is_oracle = False
        self._style = "named"

    def connect(self, module, arguments, setup):
        try:
            self._module = importlib.import_module(module)
        except ImportError as error:
            raise Absent(f"the Python module `{module}` cannot be imported: {error}") from None
        style = getattr(self._module, "paramstyle", None)
        if style not in ("named", "numeric", "qmark"):
            raise Absent(f"the Python module `{module}` writes parameters as `{style}`, which is not supported")
        self._style = style
        # By what it can do and not by its name, so that a stand-in is treated like the original.
        defaults = getattr(self._module, "defaults", None)
        if hasattr(defaults, "fetch_lobs"):
            defaults.fetch_lobs = False
            defaults.fetch_decimals = True
            self._is_oracle = True
        self._connection = self._module.connect(**arguments)
        for statement in setup:
            cursor = self._connection.cursor()
            cursor.execute(statement)
            cursor.close()
        return {"style": style}

    def stop(self):
        """Called from the main thread while the other one is in a call of the driver."""
        for name in ("cancel", "interrupt"):
            for target in (self._connection, self._cursor):
                if hasattr(target, name):
                    try:
                        getattr(target, name)()
                    except Exception:
                        pass  # There was nothing to stop; the host goes on to end the process.
                    return

    def run(self, sql, values):
        self._forget()
        self._cursor = self._connection.cursor()
        if FETCHED > getattr(self._cursor, "arraysize", 0):
            self._cursor.arraysize = FETCHED
        if self._is_oracle:
            sql = self._spelled(sql)
        self._execute(sql, values)
        if self._cursor.description is None:
            count = self._cursor.rowcount
            self._forget()
            return {"count": count if isinstance(count, int) and count >= 0 else None}
        described = self._described or self._cursor.description
        self._columns = [_Column(self._module, column) for column in described]
        return {"columns": [[column.name, column.kind, column.nullable] for column in self._columns]}

    def _execute(self, sql, values):
        if values:
            self._cursor.execute(sql, self._bound(values))
        else:
            self._cursor.execute(sql)

    def _bound(self, values):
        values = [from_cell(value) for value in values]
        return {f"p{n}": value for n, value in enumerate(values, 1)} if self._style == "named" else values

    def _spelled(self, sql):
        """The query with its timestamps as text, in the spelling of the host. They lose what Python has no room for, and
        the offset, where the driver makes objects of them."""
        if not sql.lstrip().lower().startswith(("select", "with", "(")):
            return sql
        self._cursor.parse(sql)
        columns = self._cursor.description or ()
        names = [column[0] for column in columns]
        moments = {name: _spelling(column) for name, column in zip(names, columns) if _spelling(column)}
        if not moments or len(set(names)) < len(names):
            return sql
        self._described = list(columns)
        quoted = {name: '"' + name + '"' for name in names}
        picked = [f"to_char({quoted[n]}, '{moments[n]}') as {quoted[n]}" if n in moments else quoted[n] for n in names]
        return f"select {', '.join(picked)} from (\n{sql}\n)"

    def fetch(self, most):
        rows, size = [], 0
        while len(rows) < most and size < ANSWER:
            row = self._cursor.fetchone()
            if row is None:
                if not rows:
                    self._forget()
                break
            cells = [column.cell(value) for column, value in zip(self._columns, row)]
            size += sum(map(_size, cells))
            rows.append(cells)
        return {"rows": rows}

    def run_many(self, sql, rows):
        self._forget()
        cursor = self._connection.cursor()
        try:
            cursor.executemany(sql, [self._bound(row) for row in rows])
            count = cursor.rowcount
        finally:
            cursor.close()
        # Some drivers count the last row only, or nothing; an error would have been an exception.
        return {"count": len(rows) if count is None or count < 0 else count}

    def commit(self):
        self._forget()
        self._connection.commit()
        return {}

    def rollback(self):
        self._forget()
        self._connection.rollback()
        return {}

    def _forget(self):
        cursor, self._cursor, self._described = self._cursor, None, None
        if cursor is not None:
            cursor.close()

    def words(self, error):
        """What the host makes an error of."""
        detail = error.args[0] if error.args else None
        said = getattr(detail, "message", "") or error
        if len(error.args) > 1 and isinstance(error.args[1], str):
            # SQLSTATE and text, as pyodbc has them.
            detail, said = None, error.args[1]
        lines = str(said).splitlines()
        text = [line.strip() for line in lines if line.strip() and not line.startswith("Help:")]
        code = getattr(detail, "full_code", None) or getattr(detail, "code", None) or ""
        if detail is None and error.args:
            code = error.args[0]
        operational = getattr(self._module, "OperationalError", ())
        interface = getattr(self._module, "InterfaceError", ())
        recoverable = getattr(detail, "isrecoverable", False)
        return {
            "message": "; ".join(text[:2]) or type(error).__name__,
            "origin": f"{type(error).__module__}.{type(error).__name__} {code}".strip(),
            "may_retry": bool(recoverable or (operational and isinstance(error, operational))),
            "is_broken": self._is_broken(interface, error),
        }

    def _is_broken(self, interface, error):
        healthy = getattr(self._connection, "is_healthy", None)
        if healthy is not None:
            try:
                return not healthy()
            except Exception:
                return True
        return self._connection is None or bool(interface and isinstance(error, interface))


class _Column:
    """A column as it was described, and how its cells cross."""

    def __init__(self, module, described):
        self.name, code, display, internal, precision, scale, null_ok = tuple(described)[:7]
        self.nullable = null_ok is None or bool(null_ok)
        self.kind = _kind(module, code, display, internal, precision, scale)
        self._scale = scale if isinstance(scale, int) and scale > 0 and self.kind.startswith(("number(", "decimal(")) else None
        self._is_whole = self.kind.startswith("number(") and "," not in self.kind and precision <= 18
        self._is_moment = self.kind.startswith("timestamp")

    def cell(self, value):
        if value is None:
            return None
        if isinstance(value, decimal.Decimal) and value.is_finite():
            if self._is_whole:
                return int(value)
            if self._scale is not None and -value.as_tuple().exponent < self._scale:
                value = value.quantize(decimal.Decimal(1).scaleb(-self._scale), context=_WIDE)
        if self._is_moment and isinstance(value, str):
            return ["timestamp", _trimmed(value)]
        return to_cell(value)


def _size(cell):
    text = cell[1] if isinstance(cell, list) else cell
    return len(text) if isinstance(text, str) else 8


_WIDE = decimal.Context(prec=200)


def _kind(module, code, display, internal, precision, scale):
    """The type in the words of its database, as far as the module tells them."""
    name = getattr(code, "name", "")
    if name.startswith("DB_TYPE_"):
        return _oracle_kind(name.removeprefix("DB_TYPE_"), display, precision, scale)
    if isinstance(code, type):
        return _python_kind(code.__name__, internal, precision, scale)
    for name, kind in (("NUMBER", "decimal"), ("DATETIME", "timestamp"), ("BINARY", "varbinary"), ("STRING", "text")):
        if code is not None and getattr(module, name, None) == code:
            return kind
    return "unknown"


def _oracle_kind(name, display, precision, scale):
    if name == "NUMBER":
        if not precision or scale == -127:
            return "number"
        return f"number({precision},{scale})" if scale else f"number({precision})"
    texts = {"VARCHAR": "varchar2", "NVARCHAR": "nvarchar2", "CHAR": "char", "NCHAR": "nchar"}
    if name in texts:
        return f"{texts[name]}({display})" if display else texts[name]
    moments = {
        "TIMESTAMP": "timestamp({})",
        "TIMESTAMP_TZ": "timestamp({}) with time zone",
        "TIMESTAMP_LTZ": "timestamp({}) with local time zone",
    }
    if name in moments:
        return moments[name].format(scale if scale is not None else 6)
    return name.lower().replace("_", " ") if name.startswith("LONG") else name.lower()


def _python_kind(name, internal, precision, scale):
    if name == "Decimal":
        return f"decimal({precision},{scale})" if precision else "decimal"
    if name == "str":
        return f"varchar({internal})" if internal and internal <= 8000 else "text"
    kinds = {"int": "bigint", "bool": "boolean", "datetime": "timestamp", "bytes": "varbinary", "bytearray": "varbinary"}
    return kinds.get(name, name)


def _spelling(column):
    """The format of `to_char` for a timestamp of Oracle; a DATE has nothing to lose."""
    name = getattr(column[1], "name", "")
    if name in ("DB_TYPE_TIMESTAMP", "DB_TYPE_TIMESTAMP_LTZ"):
        return 'YYYY-MM-DD"T"HH24:MI:SS.FF9'
    return 'YYYY-MM-DD"T"HH24:MI:SS.FF9TZH:TZM' if name == "DB_TYPE_TIMESTAMP_TZ" else None


def _trimmed(text):
    """Without the zeros behind the last digit of a second that says something."""
    head, dot, rest = text.partition(".")
    if not dot:
        return text
    digits = len(rest) - len(rest.lstrip("0123456789"))
    fraction, offset = rest[:digits].rstrip("0"), rest[digits:]
    return head + ("." + fraction if fraction else "") + offset

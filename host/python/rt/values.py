"""Values on their way to and from the host.

A *cell* (SQL parameter or result) crosses exactly: null, boolean, 64-bit integer and text as JSON, all else as
`[kind, text]`, which is unambiguous because cells never nest. A step's *output* is plain JSON, as the store
and the page show it: decimals, dates and floats that JSON lacks become text, bytes become hexadecimal digits.
"""

import base64
import dataclasses
import datetime
import decimal
import json
import math
import re
import uuid


def to_cell(value):
    """Raises TypeError for a type that no database parameter can hold."""
    if value is None or value is True or value is False:
        return value
    kind = type(value)
    if kind is str:
        return value
    if isinstance(value, int):
        value = int(value)
        return value if -(2**63) <= value < 2**63 else ["decimal", str(value)]
    if isinstance(value, float):
        # As text: not every JSON reader rounds a number to the nearest float.
        return ["float", repr(float(value))]
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, decimal.Decimal):
        return ["decimal", format(value, "f")] if value.is_finite() else ["float", repr(float(value))]
    if isinstance(value, datetime.datetime):
        # pandas' NaT calls itself a datetime.
        return ["timestamp", value.isoformat()] if value == value else None
    if isinstance(value, datetime.date):
        return ["date", value.isoformat()]
    if isinstance(value, datetime.time):
        return ["time", value.isoformat()]
    if isinstance(value, uuid.UUID):
        return ["uuid", str(value)]
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ["bytes", base64.b64encode(value).decode("ascii")]
    if isinstance(value, (dict, list, tuple)):
        return json.dumps(to_json(value, "parameter"), ensure_ascii=False)
    if _is_numpy_scalar(value):
        return to_cell(value.item())
    if kind.__name__ == "NAType":
        return None
    raise TypeError(f"a `{kind.__name__}` cannot be bound to a statement")


def from_cell(cell):
    if type(cell) is not list:
        return cell
    kind, text = cell
    read = _READERS.get(kind)
    if read is None:
        return text
    try:
        return read(text)
    except ValueError:
        # A date Python cannot hold (`infinity`, a year before 1): the database's text is all there is.
        return text


def _timestamp(text):
    text = text.replace("Z", "+00:00")
    try:
        return datetime.datetime.fromisoformat(text)
    except ValueError:
        # Python 3.10 wants three or six digits of a second and minutes in the offset.
        text = re.sub(r"\.(\d{1,6})\d*", lambda m: "." + m.group(1).ljust(6, "0"), text)
        return datetime.datetime.fromisoformat(re.sub(r"([+-]\d\d)$", r"\1:00", text))


def _decimal(text):
    try:
        return decimal.Decimal(text)
    except decimal.InvalidOperation:
        return text


_READERS = {
    "decimal": _decimal,
    "float": float,
    "bytes": base64.b64decode,
    "date": datetime.date.fromisoformat,
    "timestamp": _timestamp,
    "time": datetime.time.fromisoformat,
    "uuid": uuid.UUID,
}


def to_json(value, path):
    """Plain JSON; raises TypeError that names the place inside the value."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        value = float(value)
        return value if math.isfinite(value) else _float_text(value)
    if isinstance(value, dict):
        return {_key(key, path): to_json(item, f"{path}.{key}") for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return to_json(value._asdict(), path)
    if isinstance(value, (list, tuple, set, frozenset)):
        return [to_json(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, decimal.Decimal):
        return format(value, "f") if value.is_finite() else str(value)
    if isinstance(value, (datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, datetime.timedelta):
        return value.total_seconds()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return bytes(value).hex()
    if isinstance(value, uuid.UUID):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [field.name for field in dataclasses.fields(value)]
        return {name: to_json(getattr(value, name), f"{path}.{name}") for name in names}
    if _is_numpy_scalar(value):
        return to_json(value.item(), path)
    if hasattr(value, "__fspath__"):
        return str(value)
    raise TypeError(f"`{path}` is a `{type(value).__name__}`, which has no JSON form")


def _key(key, path):
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, (bool, int, datetime.date, decimal.Decimal, uuid.UUID)):
        return str(key)
    raise TypeError(f"`{path}` has a key of type `{type(key).__name__}`; the keys of an object are text")


def _float_text(value):
    return "NaN" if math.isnan(value) else ("inf" if value > 0 else "-inf")


def _is_numpy_scalar(value):
    # Told by shape, so that numpy is never imported for a step that does not use it.
    return getattr(value, "shape", None) == () and hasattr(value, "item")

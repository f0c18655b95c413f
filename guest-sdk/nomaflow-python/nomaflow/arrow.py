"""The rows of a SELECT as Arrow: columns of plain memory, which polars, pyarrow and pandas read without a Python object
for each value; and the way back, frames as rows."""

from __future__ import annotations

import importlib.util
import mmap
from collections.abc import Iterable
from typing import Any


def rows_of_frame(rows: Any) -> tuple[list[str], list[Any]] | None:
    """Columns and rows of a DataFrame of pandas or polars or of a pyarrow table, None for anything else. What pandas calls
    missing (its NaN too) is None."""
    library = type(rows).__module__.partition(".")[0]
    if library == "pandas" and hasattr(rows, "notna"):
        cells = rows.astype(object).where(rows.notna(), None)
        return [str(name) for name in rows.columns], cells.values.tolist()
    if library == "polars" and hasattr(rows, "rows"):
        return list(rows.columns), rows.rows()
    if library == "pyarrow" and hasattr(rows, "to_pylist"):
        return list(rows.schema.names), list(zip(*(column.to_pylist() for column in rows.columns)))
    return None


class ArrowResult:
    """One stream of Arrow IPC, in memory that the host has filled. The libraries are yours to install; each is imported
    when its method is called."""

    def __init__(self, stream: bytes | mmap.mmap, columns: Iterable[str]) -> None:
        self._stream = stream
        self.columns = list(columns)

    @property
    def ipc(self) -> bytes:
        """The whole stream, for any reader of Arrow IPC."""
        if not isinstance(self._stream, bytes):
            self._stream = self._stream[:]
        return self._stream

    def to_polars(self) -> Any:
        """A `polars.DataFrame`; on the memory of this stream where pyarrow is installed too, else on a copy."""
        import polars

        if importlib.util.find_spec("pyarrow") is not None:
            return polars.from_arrow(self.to_arrow())
        return polars.read_ipc_stream(self.ipc)

    def to_arrow(self) -> Any:
        """A `pyarrow.Table` on the memory of this stream; nothing is copied."""
        import pyarrow

        with pyarrow.ipc.open_stream(pyarrow.py_buffer(self._stream)) as reader:
            return reader.read_all()

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, by way of pyarrow."""
        return self.to_arrow().to_pandas()

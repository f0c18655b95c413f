"""The rows of a SELECT as Arrow: columns of plain memory, which polars, pyarrow and pandas read without a Python object
for each value."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

_END_OF_STREAM = b"\xff\xff\xff\xff\x00\x00\x00\x00"


class ArrowResult:
    """One stream of Arrow IPC. The libraries are yours to install; each is imported when its method is called."""

    def __init__(self, parts: Iterable[bytes], columns: Iterable[str]) -> None:
        self._parts = [*parts, _END_OF_STREAM]
        self.columns = list(columns)

    @property
    def ipc(self) -> bytes:
        """The whole stream, for any reader of Arrow IPC."""
        if len(self._parts) > 1:
            self._parts = [b"".join(self._parts)]
        return self._parts[0]

    def to_polars(self) -> Any:
        """A `polars.DataFrame`."""
        import polars

        return polars.read_ipc_stream(self.ipc)

    def to_arrow(self) -> Any:
        """A `pyarrow.Table` on the bytes of this stream; they are not copied."""
        import pyarrow

        with pyarrow.ipc.open_stream(self.ipc) as reader:
            return reader.read_all()

    def to_pandas(self) -> Any:
        """A `pandas.DataFrame`, by way of pyarrow."""
        return self.to_arrow().to_pandas()

"""What a step may meet besides its own exceptions."""

from __future__ import annotations


class HostError(Exception):
    """The host could not do what was asked. `kind` is `definition` (an unknown connector, a wrong statement), `remote`
    (the database's own refusal), `denied`, `failed` or `canceled`."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class StepCanceled(BaseException):
    """Raised inside plain code when its run is cancelled or its time is over. Not an `Exception`, so that
    `except Exception` lets it pass; clean up in `finally`."""

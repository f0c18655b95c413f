"""The error of a step: what the operator reads, and what the retry policy of the job looks at."""


class Error(Exception):
    """Why a step, or something it asked of the host, failed.

    `code` is dotted and lower case (`denied`, `invalid.bind`); the codes of the host are listed in `types.wit`.
    `retryable` is true when the same call may well succeed later.
    """

    def __init__(self, code, message, retryable=False, detail=None):
        super().__init__(message)
        self.code, self.message, self.retryable, self.detail = code, message, retryable, detail

    def is_a(self, code):
        """True when the code is `code` or a finer reason of it: `invalid.bind` is an `invalid`."""
        return self.code == code or self.code.startswith(code + ".")

    def __str__(self):
        return f"{self.message} ({self.code})"

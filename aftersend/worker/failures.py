"""How asking a platform fails, by what is to be done about it.

Messages name the source, never a key, a parameter or an address; ``body`` is what the platform said, cut to 2,000
characters.
"""

from __future__ import annotations

from aftersend.vocabulary import ConfigurationError, Instant, PermanentError, TemporaryError


class Refused(ConfigurationError):
    """401 or 403 (``status``): the credentials don't open what was asked."""

    def __init__(self, message: str, body: str = "", status: int = 0):
        super().__init__(message)
        self.body = body
        self.status = status


class Unexpected(PermanentError):
    """Another 4xx (``status``), or a redirect or link that is not followed (0): asking again won't help soon."""

    def __init__(self, message: str, body: str = "", status: int = 0):
        super().__init__(message)
        self.body = body
        self.status = status


class Unavailable(TemporaryError):
    """No answer, half an answer, 429 or 5xx. ``not_before`` is what the platform asked for, if it did."""

    def __init__(self, message: str, body: str = "", not_before: Instant | None = None):
        super().__init__(message, not_before)
        self.body = body

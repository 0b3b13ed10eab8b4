"""Who asks, what of, and from which sources."""

from __future__ import annotations

from flask import request
from werkzeug.datastructures import Headers
from werkzeug.exceptions import NotFound

from aftersend.receiver import reports
from aftersend.receiver.dialects.hogsend.questions import Query
from aftersend.receiver.gate import Gate
from aftersend.receiver.installation import installation
from aftersend.receiver.reports import Reports
from aftersend.storage.contract import Store

NAME = "hogsend"
PREFIX = "/v1/admin"
LIMITS = "100/minute"
"""Per key, over everything below the prefix (§1)."""


class Unknown(NotFound):
    """What was asked for doesn't exist, or not for this caller; the description is the platform's sentence."""


def bearer(headers: Headers) -> str:
    """The secret in ``Authorization: Bearer …``, or ``""``: the word and its one space to the letter (§1)."""
    word, _, secret = headers.get("Authorization", "").partition(" ")
    return secret if word == "Bearer" else ""


GATE = Gate(NAME, bearer, limits=LIMITS)


class Desk:
    """Where a caller with the scopes needed is served."""

    def __init__(self, *scopes: str):
        """Raises gate.py's refusals, and NotFound for a path with a slash more than it may have."""
        self._caller = GATE.enter(*scopes)
        _refuse_raw_slashes()
        here = installation()
        self.store: Store = here.store
        self._settings = here.settings
        self.query = Query()

    def sources(self) -> tuple[str, ...] | None:
        """The sources that the parameter ``source`` means, see :meth:`visible`."""
        return self.visible(self.query.text("source"))

    def visible(self, source: str | None) -> tuple[str, ...] | None:
        """That source, or all the caller may see (``None``: no limit), once every parameter is known to be right.
        Raises Invalid, and NotFound for a source that isn't the caller's to see."""
        self.query.check()
        try:
            return Reports(self.store, self._settings, self._caller.sources).visible(source)
        except reports.NotFound as error:
            raise NotFound from error


def _refuse_raw_slashes() -> None:
    """An id with a slash must be sent as ``%2F`` (§2). Which it was can be seen only where the server tells the path
    as it came; elsewhere both are taken."""
    raw, rule = request.environ.get("RAW_URI", ""), request.url_rule
    path = raw.partition("?")[0]
    if rule is not None and PREFIX in path and path[path.index(PREFIX) :].count("/") != rule.rule.count("/"):
        raise NotFound

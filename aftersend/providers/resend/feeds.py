"""Resend's list of emails and how it is walked (Pull feed): down to what is older than anything that still changes."""

from __future__ import annotations

from functools import partial

from aftersend.providers import marks, paging
from aftersend.providers.contract import Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import Page
from aftersend.providers.resend import emails
from aftersend.settings import duration
from aftersend.vocabulary import Instant

MOST = "100"
"""Emails of a page."""


class Options(marks.Options, frozen=True, kw_only=True):
    """Resend's own options of a source."""

    look_back: str = "3d"
    """For how long the state of an email is looked at: those made within are read again."""
    emails_every: str = "1h"
    """How often they are, 100 a request."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    return [
        Feed(
            name="emails",
            walk=partial(_emails, duration(options.look_back, "look_back")),
            every=duration(options.emails_every, "emails_every"),
        )
    ]


def probe() -> Ask:
    """The newest email."""
    return Ask(path="emails", params={"limit": "1"})


def _emails(look_back: Instant, position: Position, context: Context) -> Walk:
    def enough(page: Page) -> bool:
        return page.oldest is not None and page.oldest < context.now - look_back

    return paging.Whole(
        position,
        context,
        ask=Ask(path="emails", params={"limit": MOST}),
        look=emails.look,
        family=partial(paging.Cursors, param="after"),
        enough=enough,
    )

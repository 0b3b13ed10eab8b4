"""Which webhooks and rows are the same fact (provider file, Dedupe key; law 3).

Neither webhooks nor rows have ids. Mailchimp has no ids of messages either: a message is known by its campaign and the
MD5 of the recipient's address. Reports show it as ``email_id``; it is made of the address, which both doors show, and
``email_id`` stands in only where a row has no address.

- **Sent**: once per campaign and recipient.
- **Opened, clicked**: by campaign, recipient, second and link. Within that second, identical rows of one answer are
  counted; an open of ``email-activity`` and one of ``open-details`` at the same second is one.
- **Bounced, complained, unsubscribed** of a campaign: by campaign and recipient, without a time, since the doors tell
  different ones or none. Each list has its rows in that slot, and there are as many events as the list that shows most
  of them has. So a ``cleaned`` webhook, a bounce among the activities and a status of ``sent-to`` are one.
- **Whatever a webhook tells without a campaign**: by kind (or type), audience, member and ``fired_at``, as Mailchimp
  advises; repeated calls show the same.

``message_id`` is on nothing, so messages are keyed by campaign and recipient.
"""

from __future__ import annotations

from aftersend.vocabulary import Instant, slot_key

ACTIVITY, REPORTS, WEBHOOK = "1 activity", "2 reports", "3 webhook"
"""The lists of a slot. Of equally trusted accounts the first speaks."""
OPENS = "2 opens"
ONCE = "once"
"""Row of a list that knows of one fact at most."""


def of_recipient(source: str, kind: str, campaign: str, recipient: str) -> bytes:
    """The slot of what happened to a campaign's email to a recipient."""
    return slot_key(None, source, kind, "campaign", campaign, recipient)


def of_act(source: str, kind: str, campaign: str, recipient: str, at: Instant, url: str | None) -> bytes:
    """The slot of opens, or clicks on one link, within a second."""
    return slot_key(at, source, kind, "campaign", campaign, recipient, str(at // 1000), url)


def of_audience(source: str, fact: str, audience: str | None, who: str, at: Instant) -> bytes:
    """The slot of what a webhook tells of a member of an audience, or of a campaign."""
    return slot_key(at, source, fact, "audience", audience, who, str(at // 1000))

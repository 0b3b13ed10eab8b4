"""What a platform's reason means, where more than one word stands for it."""

from __future__ import annotations

import pytest

from aftersend.storage.metrics import bounce_of, withheld
from aftersend.vocabulary import Bounce, BounceClass


@pytest.mark.parametrize(
    ("bounce_class", "reason", "found"),
    [
        (BounceClass.SOFT, "mailbox_full", Bounce.MAILBOX_FULL),
        (BounceClass.SOFT, "MailboxFull", Bounce.MAILBOX_FULL),
        (BounceClass.SOFT, "452 4.2.2 Mailbox is full", Bounce.MAILBOX_FULL),
        (BounceClass.SOFT, "552 5.2.2 user over quota", Bounce.MAILBOX_FULL),
        (BounceClass.SOFT, "mailbox unavailable", Bounce.SOFT),
        (BounceClass.SOFT, None, Bounce.SOFT),
        (BounceClass.HARD, "suppressed", Bounce.SUPPRESSED),
        (BounceClass.HARD, "mailbox full", Bounce.HARD),
        (BounceClass.BLOCK, "suppressed", Bounce.BLOCK),
        (None, "mailbox full", Bounce.UNDETERMINED),
    ],
)
def test_a_bounce_is_told_by_its_class_and_reason(bounce_class, reason, found):
    assert bounce_of(bounce_class, reason) is found


@pytest.mark.parametrize(
    ("reason", "found"),
    [
        ("Suppressed", True),
        ("Address is on the account-level suppression list", True),
        (" Unsubscribed Address", True),
        ("Bounced Address", True),
        ("Invalid", False),
        ("Recipient List over Package Quota", False),
        ("", False),
        (None, False),
    ],
)
def test_a_drop_is_withheld_where_its_reason_says_so(reason, found):
    assert withheld(reason) is found

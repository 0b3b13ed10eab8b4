"""Postmark's webhooks: who may call, and what a call says (provider file, Webhook).

Nothing is signed: a secret in the address, basic auth, a bearer token or a header of its own proves the call. One
record a call.
"""

from __future__ import annotations

from aftersend.providers.contract import Handshake, Malformed, Request
from aftersend.providers.items import unreadable
from aftersend.providers.postmark import records
from aftersend.providers.postmark.options import Options, several
from aftersend.providers.proofs import verify_shared
from aftersend.providers.values import decoded
from aftersend.settings import Source
from aftersend.vocabulary import BadInput, Delivery, Reading

HEADER = "x-webhook-secret"
"""The custom header that Postmark's guide gives as an example."""


def verify(request: Request, source: Source) -> Handshake | None:
    """A live secret must be shown. Postmark drops an event at the first 401, so a wrong one loses events."""
    return verify_shared(request, source, "Postmark", headers=(HEADER,))


def read(delivery: Delivery, source: Source, options: Options) -> Reading:
    """The event of a call; nothing for the sample data that Postmark posts when a webhook is saved."""
    try:
        said = decoded(delivery.body, what="The webhook")
        if not isinstance(said, dict):
            raise BadInput("A webhook's JSON must be an object.")
        record = records.Record(said, source.name, options, delivery.received_at)
        if record.text("MessageID") in several(options.test_messages):
            return Reading()
        return Reading(events=[records.event(record)])
    except (BadInput, Malformed) as error:
        return unreadable(delivery, error)

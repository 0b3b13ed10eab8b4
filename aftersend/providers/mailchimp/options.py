"""Mailchimp's own options of a source."""

from __future__ import annotations

from typing import Literal

import msgspec


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a source at Mailchimp, which knows campaigns itself and has no metadata of messages."""

    external_id: str = "EXTID"
    """The merge field that holds the sender's own id of the recipient; several names, separated by commas, in the order
    in which they are looked for."""
    webhook_mode: Literal["signed", "url-secret"] = "signed"
    """How webhooks are proved: by Mailchimp's signature, or, for those made before it signed, by a secret at the end of
    the address. Never by either."""
    look_back: str = "45d"
    """For how long a campaign's figures are watched after it was sent."""
    young: str = "3d"
    """For how long after it was sent a campaign's activity is read with every run, and not only when its figures have
    moved."""
    opens_every: str = "6h"
    """How often it is asked which opens were a proxy's."""
    page_size: int = 1000
    """Rows a page; fewer, where a big campaign's answers take too long."""

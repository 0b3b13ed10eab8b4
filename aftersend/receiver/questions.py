"""What may be asked of each report: structs whose encoded field names are the query parameters.

``/v1`` decodes query strings into them, the console its options, and ``/openapi.json`` describes them.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from aftersend.vocabulary import Channel, Kind

Text = Annotated[str | None, Meta(description="Only this one; the platform's own id.")]
When = Annotated[
    str | None,
    Meta(description="A day as 2026-11-21, whole and included, or a time as 2026-11-21T10:00:00Z."),
]
Size = Annotated[int, Meta(ge=1, le=1000, description="Rows of a page.")]
Limit = Annotated[int, Meta(ge=1, le=1000, description="Another name for page_size.")] | None
Kinds = Annotated[tuple[Kind, ...], Meta(description="Only these; repeated, or between commas.")] | None
Sources = (
    Annotated[
        tuple[str, ...],
        Meta(description="Only these sources; repeated, or between commas. Default: all the key may see."),
    ]
    | None
)
Zone = Annotated[str, Meta(description="IANA zone of dates and of times without an offset.")]
PageIndex = Annotated[int, Meta(ge=0, description="Page from 0; rows shift when new ones arrive.")]
Machines = Annotated[Literal["include", "exclude"], Meta(description="With or without what machines did.")]
Through = Annotated[Channel, Meta(description="Through what the message went.")]


class Ranged(msgspec.Struct, frozen=True, kw_only=True, rename={"from_": "from"}):
    """What is asked of some range of time."""

    from_: When = None
    to: When = None
    time_zone: Zone = "UTC"


class Selection(Ranged, frozen=True, kw_only=True):
    """What nearly every report can be narrowed by."""

    source: Sources = None
    campaign_id: Text = None
    machine: Machines = "include"


class FunnelQuestion(Selection, frozen=True, kw_only=True):
    """``/v1/funnel``."""


class ListQuestion(Selection, frozen=True, kw_only=True):
    """``/v1/sent``, and what every list of events has."""

    contact_id: Text = None
    external_id: Annotated[str | None, Meta(description="Only contacts with this id of your own.")] = None
    email: Annotated[str | None, Meta(description="Only this address, in any case of letters.")] = None
    message_id: Text = None
    page_size: Size = 100
    limit: Limit = None
    page_index: PageIndex = 0
    cursor: Annotated[str | None, Meta(description="next_cursor of the page before; rows never shift.")] = None


class UndeliveredQuestion(ListQuestion, frozen=True, kw_only=True):
    """``/v1/undelivered``."""

    kind: (
        Annotated[
            tuple[Literal["bounced", "dropped", "failed"], ...],
            Meta(description="Only these; repeated, or between commas."),
        ]
        | None
    ) = None


class ActivitiesQuestion(ListQuestion, frozen=True, kw_only=True):
    """``/v1/activities``."""

    kind: Kinds = None
    channel: Through = Channel.EMAIL


class RecentQuestion(Selection, frozen=True, kw_only=True):
    """``/v1/recent``."""

    kind: Kinds = None
    channel: Through = Channel.EMAIL
    reader: (
        Annotated[str, Meta(max_length=100, description="A name: its place is kept, each row is handed out once.")]
        | None
    ) = None
    cursor: Annotated[
        str | None, Meta(description="Read from here (again), whatever the reader's place, which stays.")
    ] = None
    page_size: Size = 100
    limit: Limit = None


class ContactsQuestion(Selection, frozen=True, kw_only=True):
    """``/v1/contacts``: one of the three must be given."""

    contact_id: Text = None
    external_id: Annotated[str | None, Meta(description="Your own id of the contact.")] = None
    email: Annotated[str | None, Meta(description="The address, in any case of letters.")] = None
    page_size: Size = 100
    limit: Limit = None


class CampaignsQuestion(Selection, frozen=True, kw_only=True):
    """``/v1/campaigns``."""

    order: Annotated[
        Literal["first", "sent", "created"],
        Meta(description="Latest first by the first event, by the last send (unsent ones left out), or by creation."),
    ] = "first"
    page_size: Size = 100
    limit: Limit = None
    page_index: PageIndex = 0


class CampaignQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """``/v1/campaigns/{campaign_id}``, and ``/v1/campaign`` for ids that a path can't carry."""

    campaign_id: Annotated[str, Meta(description="The platform's own id.")]
    source: Sources = None
    time_zone: Annotated[str, Meta(description="IANA zone along whose calendar the engagement is cut.")] = "UTC"
    machine: Machines = "include"


class TimelineQuestion(Selection, frozen=True, kw_only=True):
    """``/v1/timeline``."""

    unit: Annotated[
        Literal["hour", "day", "week", "month"], Meta(description="Length of a slot; weeks begin on Monday.")
    ] = "day"


class DashboardQuestion(Selection, frozen=True, kw_only=True):
    """``/v1/dashboard``."""

    days: (
        Annotated[int, Meta(ge=1, le=366, description="The last so many days, today included, in place of a range.")]
        | None
    ) = None


class TemplatesQuestion(Ranged, frozen=True, kw_only=True):
    """``/v1/templates``. The range is of the messages' creation."""

    source: Sources = None
    template: Annotated[str | None, Meta(description="Only this one; a campaign's id where messages have none.")] = None
    page_size: Size = 100
    limit: Limit = None
    page_index: PageIndex = 0


class DoorsQuestion(Ranged, frozen=True, kw_only=True):
    """``/v1/doors``. The range is widened to whole days."""

    source: Sources = None
    kind: Kinds = None


class SnapshotsQuestion(msgspec.Struct, frozen=True, kw_only=True, rename={"list_": "list"}):
    """``/v1/snapshots``."""

    source: Sources = None
    campaign_id: Text = None
    list_: Annotated[str | None, Meta(description="Only of this list: the feed or report that claims it.")] = None
    history: Annotated[
        Literal["latest", "all"], Meta(description="With all: also what changed since the first one.")
    ] = "latest"
    page_size: Size = 100
    limit: Limit = None
    page_index: PageIndex = 0


class EventQuestion(msgspec.Struct, frozen=True, kw_only=True):
    """``/v1/events/{id}``."""

    id: Annotated[str, Meta(description="As a list shows it.")]


class SourcesQuestion(msgspec.Struct, frozen=True):
    """``/v1/sources`` has no parameters."""

"""Constant Contact's lists, what of them is asked, and when (provider file, 2, 3 and 5.3).

Ten thousand requests a day are for all accounts of the application together, so a quiet campaign must cost nothing:
the summaries of all campaigns (one request) tell which campaign moved, its statistics (ten activities a request) which
list did, and only that list is walked, from its newest row to those known for long. :mod:`.notes` says how the feeds
tell each other. Each feed therefore stands behind those it learns from.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from aftersend.providers import paging
from aftersend.providers.constant_contact import campaigns, contacts, notes, totals, tracking
from aftersend.providers.constant_contact.notes import CAMPAIGN, DETAIL, LINKS, STATS, SUMMARIES, WALK, Activity, Known
from aftersend.providers.constant_contact.values import written
from aftersend.providers.constant_contact.words import LISTS
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import DAY, Item, NextLinks, Page
from aftersend.settings import duration
from aftersend.vocabulary import Instant

SUMMARY_PATH = "reports/summary_reports/email_campaign_summaries"
STATS_PATH = "reports/stats/email_campaign_activities"
PAGE = "500"
"""Rows a page, the most there are (3.1, 3.5, 3.10)."""
BATCH = 10
"""Activities a request for statistics, 3.3."""
LASTS = 900_000
"""How long a next link is trusted; the platform doesn't say (10)."""
MOST = 100
"""Lists that one run walks: then what has been sent meanwhile has its turn."""
WHOLE = DAY
"""All summaries are read that often: what was shifted from page to page between two runs may be news on a later one."""
REREAD = DAY
"""A recent list that is doubted is read whole that often: rows may come late and deep in the list (9.9)."""
NEVER = (400, 404, 410)
"""An id that is malformed, unknown or gone."""
WITHIN = " "
"""Between a campaign's id and its activity's."""

links = partial(NextLinks, lasts=LASTS)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """Constant Contact's own options of a source."""

    client_id: str = ""
    """The application's API key, which is its OAuth client id."""
    client_secret: str = ""
    """The application's secret; empty for an application that has none."""
    redirect_uri: str = "http://127.0.0.1:8400/callback"
    """Where the browser is sent after approving, exactly as the application names it."""
    authorize_url: str = "https://authz.constantcontact.com/oauth2/default/v1/authorize"
    """Where the account's owner approves."""
    token_url: str = "https://authz.constantcontact.com/oauth2/default/v1/token"  # noqa: S105 - an address
    """Where tokens are handed out."""
    device_url: str = "https://authz.constantcontact.com/oauth2/default/v1/device/authorize"
    """Where the device flow begins."""
    look_back: str = "730d"
    """How old a campaign may be to be read event by event; of older ones there are summaries."""
    campaigns_every: str = "30m"
    """How often the summaries of all campaigns are read."""
    stats_every: str = "1h"
    """How often the statistics of campaigns of the last three days are read; older ones are read more seldom."""
    contacts: bool = False
    """Whether opt-outs outside of any email are read too; needs the privilege to read contacts."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source. Raises ConfigurationError naming the option."""
    look_back = duration(options.look_back, "look_back")
    seldom = duration(options.stats_every, "stats_every")
    found = [
        Feed(
            name="campaigns",
            walk=partial(_Summaries, look_back),
            every=duration(options.campaigns_every, "campaigns_every"),
        ),
        Feed(name="details", walk=_Details),
        Feed(name="stats", walk=_Statistics, every=seldom),
        *(Feed(name=name, walk=partial(_Tracking, name), complete=True) for name in LISTS),
        Feed(name="links", walk=_links),
    ]
    if options.contacts:
        found.append(Feed(name="contacts", walk=_Contacts, windowed=True, every=seldom))
    return found


def probe() -> Ask:
    """The summary of the latest campaign."""
    return Ask(path=SUMMARY_PATH, params={"limit": "1"})


class _Summaries(paging.Whole):
    """All campaigns, latest first, down to a page without news, and once a day to the last. The list is paged by
    offsets in disguise (2): what is shifted meanwhile is read by the next run."""

    def __init__(self, look_back: int, position: Position, context: Context):
        self._since = context.now - look_back
        super().__init__(
            position,
            context,
            ask=Ask(path=SUMMARY_PATH, params={"limit": PAGE}, about={campaigns.UNTIL: str(self._since)}),
            look=campaigns.look,
            family=links,
            enough=self._is_enough,
            learn=self._note,
        )
        self._known = Known(context)
        self._whole = self._began - self._known.summaries.get("whole", 0) >= WHOLE
        self._news = False
        kept = {name for name, note in self._known.campaigns.items() if note["sent"] >= self._since}
        self.notes.update(notes.forgotten(context, CAMPAIGN, kept))

    def take(self, answer: Answer) -> None:
        self._news = False
        super().take(answer)
        if self._over:
            whole = {"whole": self._began} if self._whole else {"whole": self._known.summaries["whole"]}
            self.notes[SUMMARIES] = {"at": self._began, **whole}

    def _note(self, answer: Answer) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for summary in campaigns.summaries(answer):
            before = self._known.campaigns.get(summary.id)
            sent = summary.sent or (before["sent"] if before else answer.received_at)
            note = {"sent": sent, "counts": summary.counts}
            if sent >= self._since and note != before:
                found[CAMPAIGN + summary.id] = self._known.campaigns[summary.id] = note
        self._news = bool(found)
        return found

    def _is_enough(self, page: Page) -> bool:
        return bool(page.ids) and not self._whole and not self._news


class _Details(paging.Each):
    """Of each campaign that is new or was sent again: itself, for its activities; then its first email, for the
    subject."""

    def __init__(self, position: Position, context: Context):
        self._known = known = Known(context)
        new = known.undetailed()
        items = [self._campaign(one) for one in new]
        for one in known.order:
            if one not in new:
                items += self._subject(one, known.details[one])
        super().__init__(
            position,
            context,
            items=items,
            look=campaigns.look_at_details,
            learn=self._note,
            complete=False,
        )
        self.notes.update(notes.forgotten(context, DETAIL, set(known.campaigns)))

    def refused(self, status: int) -> bool:
        if not self._left or status not in NEVER:
            return False
        campaign, _, activity = self._left[0].key.partition(WITHIN)
        before = self._known.details.get(campaign, {"activities": []})
        if activity:
            self._keep(campaign, {**before, "told": activity})
        else:
            # Deleted: what is known of it stays.
            self._keep(campaign, {**before, "sent": self._known.campaigns[campaign]["sent"]})
        self._next()
        self._settle()
        return True

    def _note(self, item: Item, answer: Answer) -> dict[str, Any]:
        campaign, _, activity = item.key.partition(WITHIN)
        before = self._known.details.get(campaign, {})
        if activity:
            self._keep(campaign, {**before, "told": activity})
        else:
            sent = self._known.campaigns[campaign]["sent"]
            self._keep(campaign, {**before, "sent": sent, "activities": campaigns.activities(answer)})
            self._left += self._subject(campaign, self._known.details[campaign])
        return {}

    def _keep(self, campaign: str, note: dict[str, Any]) -> None:
        self._known.details[campaign] = self.notes[DETAIL + campaign] = note

    @staticmethod
    def _campaign(campaign: str) -> Item:
        return Item(key=campaign, ask=Ask(path=f"emails/{quote(campaign, safe='')}", about={"campaign": campaign}))

    @staticmethod
    def _subject(campaign: str, detail: dict[str, Any]) -> list[Item]:
        """What asks for the subject of the first email, where it isn't told yet: a resend may have another."""
        first = next((row["id"] for row in detail["activities"] if row["role"] == totals.PRIMARY), None)
        if first is None or detail.get("told") == first:
            return []
        path = f"emails/activities/{quote(first, safe='')}"
        return [Item(key=f"{campaign}{WITHIN}{first}", ask=Ask(path=path, about={"campaign": campaign}), name=campaign)]


Share = tuple[str, list[str]]
"""A campaign and some of its activities."""


class _Statistics(paging.Each):
    """The statistics of those campaigns of which they are due, ten activities at a time, those of one campaign
    together. One malformed id spoils a whole answer (3.3): then each campaign is asked for by itself, and each activity
    of the one that is still refused."""

    def __init__(self, position: Position, context: Context):
        self._known = Known(context)
        self._shares: dict[str, list[Share]] = {}
        super().__init__(
            position,
            context,
            items=[self._item(shares) for shares in self._batches()],
            look=totals.look,
            learn=self._note,
            complete=False,
        )
        self.notes.update(notes.forgotten(context, STATS, set(self._known.campaigns)))

    def refused(self, status: int) -> bool:
        if not self._left or status not in NEVER:
            return False
        shares = self._shares[self._left[0].key]
        ids = [(campaign, own) for campaign, some in shares for own in some]
        if len(shares) > 1:
            self._left[:1] = [self._item([share]) for share in shares]
        elif len(ids) > 1:
            self._left[:1] = [self._item([(campaign, [own])]) for campaign, own in ids]
        else:
            self._remember(shares, {}, self._now)
            self._next()
        self._begin({})
        self._settle()
        return True

    def _note(self, item: Item, answer: Answer) -> dict[str, Any]:
        self._remember(self._shares[item.key], totals.statistics(answer), answer.received_at)
        return {}

    def _remember(self, shares: list[Share], found: dict[str, totals.Statistics], at: Instant) -> None:
        for campaign, ids in shares:
            about, of = self._known.campaigns[campaign], self._known.stats.get(campaign, {}).get("of", {})
            told = {own: {**of.get(own, {}), **_watched(found[own])} for own in ids if own in found}
            note = {"at": at, "sent": about["sent"], "seen": about["counts"], "of": {**of, **told}}
            self._known.stats[campaign] = self.notes[STATS + campaign] = note

    def _batches(self) -> list[list[Share]]:
        batches: list[list[Share]] = []
        room = 0
        for campaign in self._known.due():
            ids = [row["id"] for row in self._known.details[campaign]["activities"]]
            if len(ids) > room:
                batches.append([])
                room = BATCH
            for first in range(0, len(ids), BATCH):
                if first:
                    batches.append([])
                    room = BATCH
                some = ids[first : first + BATCH]
                batches[-1].append((campaign, some))
                room -= len(some)
        return batches

    def _item(self, shares: list[Share]) -> Item:
        ids = [own for _, some in shares for own in some]
        partly = [campaign for campaign, some in shares if len(some) < len(self._known.details[campaign]["activities"])]
        key = f"{ids[0]}/{len(ids)}"
        self._shares[key] = shares
        path = f"{STATS_PATH}/{','.join(quote(own, safe='') for own in ids)}"
        return Item(key=key, ask=Ask(path=path, about={totals.PARTLY: ",".join(partly)} if partly else {}))


def _watched(claimed: totals.Statistics) -> dict[str, int]:
    """The counters that tell whether a list moved."""
    return {one.counter: claimed.counters[one.counter] for one in LISTS.values() if one.counter in claimed.counters}


class _Tracking(paging.Each):
    """One list of every activity whose counter moved since it was walked, campaigns sent last first.

    The first walk of a list reads it whole. A later one ends with a page that is older than the newest row met before,
    by more than the source's overlap. A recent list is read whole again, once a day, as long as it has other than as
    many rows as its counter says, and once after several of its pages were read, between which rows may have moved. Any
    is read whole at three, fourteen and ninety days of age: when one row goes and another comes, no counter moves.
    """

    def __init__(self, name: str, position: Position, context: Context):
        self._prefix, self._tracked = f"{WALK}{name}/", LISTS[name]
        self._overlap = context.source.overlap_ms
        known = Known(context)
        self._walked = {key.removeprefix(self._prefix): note for key, note in context.recall(self._prefix).items()}
        every = known.activities()
        self._activities = {one.id: one for one in every}
        begun = position.get("at")
        # What is under way stays so, whatever has been sent meanwhile.
        wanted = sorted((one for one in every if self._is_wanted(one, known.now)), key=lambda one: one.id != begun)
        self._until = known.until() if len(wanted) <= MOST else None
        super().__init__(
            position,
            context,
            items=[self._item(name, one) for one in wanted[:MOST]],
            look=tracking.look,
            family=links,
            enough=self._is_enough,
            learn=self._count,
            done=self._finish,
            complete=False,
        )
        self.notes.update(notes.forgotten(context, self._prefix, set(self._activities)))
        self._under = self._resumed()
        self._conclude()

    def take(self, answer: Answer) -> None:
        super().take(answer)
        self._conclude()

    def refused(self, status: int) -> bool:
        if not self._left or status not in NEVER:
            return False
        if not self._family.lost():
            if self._family.place:
                return False
            # Not a cursor: the activity is gone. It isn't asked for again until its counter moves.
            item = self._left[0]
            counter = self._counter(item.key)
            sent = self._activities[item.key].sent
            gone = {"count": counter, "sent": sent, "rows": counter, "whole": self._began, "firm": True}
            self.notes[self._prefix + item.key] = self._before(item.key) | gone
            self._next()
            self._under = {}
        self._settle()
        self._conclude()
        return True

    def _is_wanted(self, one: Activity, at: Instant) -> bool:
        counter, before = self._counter(one.id), self._before(one.id)
        if self._has_moved(one, before):
            return True
        if not before:
            return False
        if any(before["whole"] < one.sent + age <= at for age, _ in notes.AGES):
            return True
        differs = before["rows"] != counter if self._tracked.every else before["rows"] < counter
        return (differs or not before["firm"]) and at - one.sent <= notes.RECENT and at - before["whole"] >= REREAD

    def _has_moved(self, one: Activity, before: dict[str, Any]) -> bool:
        """Whether something was added: the counter is another; or, as most counters count a contact once, it was sent
        again."""
        return bool(before.get("count", 0) != self._counter(one.id) or before.get("sent", one.sent) != one.sent)

    def _before(self, activity: str) -> dict[str, Any]:
        """What the last finished walk noted."""
        return {name: value for name, value in self._walked.get(activity, {}).items() if name != "under"}

    def _counter(self, activity: str) -> int:
        return self._activities[activity].counters.get(self._tracked.counter, 0)

    def _resumed(self) -> dict[str, Any]:
        """What was met of the list that a killed walk had begun, if it is gone on with."""
        if not self._left or not self._family.place:
            return {}
        found: dict[str, Any] = self._walked.get(self._left[0].key, {}).get("under", {})
        return found

    def _is_enough(self, item: Item, page: Page) -> bool:
        newest = self._before(item.key).get("newest")
        if self._under["whole"] or newest is None or page.newest is None:
            return False
        return bool(page.newest < newest - self._overlap)

    def _count(self, item: Item, answer: Answer) -> dict[str, Any]:
        """Note what was met of the list up to now. A time in the future is no mark to go by: a row that claims one
        would hide all that follow it."""
        before = self._before(item.key)
        if not self._under:
            whole = "newest" not in before or not self._has_moved(self._activities[item.key], before)
            self._under = {"whole": whole, "pages": 0, "rows": 0, "new": 0, "newest": before.get("newest", 0)}
        under, past = self._under, [at for at in tracking.times(answer) if at <= answer.received_at]
        self._under = {
            "whole": under["whole"],
            "pages": under["pages"] + 1,
            "rows": under["rows"] + self.fresh,
            "new": under["new"] + min(self.fresh, sum(at > before.get("newest", 0) for at in past)),
            "newest": max([under["newest"], *past]),
        }
        return {self._prefix + item.key: before | {"under": self._under}}

    def _finish(self, item: Item) -> dict[str, Any]:
        before, under = self._before(item.key), self._under
        self._under = {}
        one, whole = self._activities[item.key], under["whole"] or self._family.over
        again = bool(before) and not self._has_moved(one, before)
        return {
            self._prefix + item.key: {
                "count": self._counter(item.key),
                "sent": one.sent,
                "rows": under["rows"] if whole else before["rows"] + under["new"],
                "newest": under["newest"],
                "whole": self._began if whole else before["whole"],
                "firm": again or (under["pages"] == 1 and (whole or before["firm"])),
            }
        }

    def _conclude(self) -> None:
        self.complete_until = None if self._left or self._until is None else min(self._until, self._began)

    @staticmethod
    def _item(name: str, one: Activity) -> Item:
        path = f"reports/email_reports/{quote(one.id, safe='')}/tracking/{name}"
        about = {tracking.CAMPAIGN: one.campaign, tracking.ACTIVITY: one.id}
        return Item(key=one.id, ask=Ask(path=path, params={"limit": PAGE}, about=about))


def _links(position: Position, context: Context) -> Walk:
    """The links of every activity whose clicks moved since they were read."""
    activities = {one.id: one for one in Known(context).activities()}
    counter = LISTS["clicks"].counter
    read = context.recall(LINKS)

    def done(item: Item) -> dict[str, Any]:
        return {LINKS + item.key: {"count": activities[item.key].counters.get(counter, 0)}}

    moved = [
        one
        for one in activities.values()
        if one.counters.get(counter, 0) != read.get(LINKS + one.id, {}).get("count", 0)
    ]
    walk = _Passing(
        position,
        context,
        items=_asking_links(moved[:MOST]),
        look=totals.look_at_links,
        done=done,
        complete=False,
    )
    walk.notes.update(notes.forgotten(context, LINKS, set(activities)))
    return walk


def _asking_links(wanted: Iterable[Activity]) -> Sequence[Item]:
    return [
        Item(
            key=one.id,
            ask=Ask(
                path=f"reports/email_reports/{quote(one.id, safe='')}/links",
                about={totals.CAMPAIGN: one.campaign, totals.ACTIVITY: one.id, totals.ROLE: one.role},
            ),
        )
        for one in wanted
    ]


class _Passing(paging.Each):
    """Each of several answers; one that is refused counts as read."""

    def refused(self, status: int) -> bool:
        if not self._left or status not in NEVER:
            return False
        self.notes.update(self._done_with(self._left[0]))
        self._next()
        self._settle()
        return True


class _Contacts(paging.Windows):
    """Contacts by when they opted out. It says nothing of how far emails were read, so never that it is complete."""

    def __init__(self, position: Position, context: Context):
        super().__init__(position, context, ask=_asking_contacts, look=contacts.look, family=links, trust=DAY)

    def take(self, answer: Answer) -> None:
        super().take(answer)
        self.complete_until = None


def _asking_contacts(since: Instant, until: Instant) -> Ask:
    params = {"status": "all", "optout_after": written(since), "optout_before": written(until + 999), "limit": PAGE}
    return Ask(path="contacts", params=params)

"""ColdSend's lists and how each is walked (provider file, sections 2 and 2.10).

There is no list of events and no "changed since". The counters of the campaigns are the change detector: ``campaigns``
notes them, ``leads`` looks through the campaigns whose counters moved, and asks for the leads whose rows moved. So a
quiet campaign costs nothing. What a counter may hide (one lead added, another deleted; an e-mail opened by a lead that
had opened another) is found by looking through lively campaigns again daily, and asking for lively leads weekly.

Notes of a source, by name:

- ``campaign/ID``: its counters, how new it is, whether it was begun, when it last moved, since when it is gone;
  ``campaigns``: when all of them were read last;
- ``walked/ID``: the counters with which its leads were last looked through, and when;
- ``lead/CAMPAIGN/ID``: fingerprint of the row as of which the lead was read, and when;
- ``thread/ID``: fingerprint of the conversation as of which its messages were read; ``replies``: when all of them were
  looked at last;
- ``details/ID``: as of which movement a campaign's details were read.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

import msgspec

from aftersend.providers import paging
from aftersend.providers.coldsend import leads, replies, totals
from aftersend.providers.coldsend.changes import Changes, Errand, Search
from aftersend.providers.coldsend.values import Fields, decoded
from aftersend.providers.contract import Answer, Ask, Context, Feed, Position, Walk
from aftersend.providers.paging import DAY, WEEK, Item, Page
from aftersend.providers.values import text
from aftersend.settings import duration
from aftersend.vocabulary import Instant
from aftersend.zones import moment

MOST = 100
"""Rows a page, 2.1."""
DEFAULT = 20
"""Rows a page where none are asked for, 2.1."""
LIVELY = 30 * DAY
"""For how long after its last movement a campaign is looked through again, and a lead after its last contact."""
AGED = 90 * DAY
"""A campaign that hasn't moved for so long needs no notes of its leads."""
DAYS_PER_CALL = 90
"""Of the timeline, 8."""

CAMPAIGN, WALKED, LEAD, THREAD, DETAILS = "campaign/", "walked/", "lead/", "thread/", "details/"
ALL_CAMPAIGNS, ALL_REPLIES = "campaigns", "replies"

_PAGES = partial(paging.PageNumbers, page="page", size="limit", asked=MOST, begin=1, default=DEFAULT)


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """ColdSend's own options of a source."""

    webhook: bool = False
    """Whether webhooks are taken, of which ColdSend documents none; then a token in the address is needed."""
    campaigns_every: str = "10m"
    """How often the counters of the campaigns are read, and the leads of those that moved."""
    replies_every: str = "15m"
    """How often conversations are looked through for new messages."""
    totals_every: str = "1d"
    """How often analytics, timeline and details are read."""
    rewalk_every: str = "1d"
    """How often the leads of a campaign that moved within 30 days, and all conversations, are looked through though
    nothing shows that they changed."""
    reread_every: str = "7d"
    """How often a lead that was contacted within 30 days is asked for though its row is the same."""


def feeds(options: Options) -> list[Feed]:
    """Every list of a source; what another one's notes lead to stands behind it. Raises ConfigurationError naming the
    option."""
    often = duration(options.campaigns_every, "campaigns_every")
    seldom = duration(options.totals_every, "totals_every")
    again = duration(options.rewalk_every, "rewalk_every")
    anew = duration(options.reread_every, "reread_every")
    return [
        Feed(name="campaigns", walk=_Campaigns, every=often),
        Feed(name="leads", walk=partial(_Leads, again, anew), complete=True, every=often),
        Feed(name="replies", walk=partial(_Replies, again), every=duration(options.replies_every, "replies_every")),
        Feed(name="analytics", walk=_analytics, every=seldom),
        Feed(name="timeline", walk=_Timeline, windowed=True, every=seldom),
        Feed(name="details", walk=_details, every=seldom),
    ]


def probe() -> Ask:
    """The newest campaign."""
    return Ask(path="campaigns", params={"page": "1", "limit": "1"})


def _path(campaign: str) -> str:
    return f"campaigns/{quote(campaign, safe='')}"


def _asking(path: str, **about: str) -> Ask:
    return Ask(path=path, about=about)


# -- campaigns -------------------------------------------------------------------------------------------


class _Campaigns(paging.Whole):
    """All campaigns, oldest first, so that new ones don't move the others. Notes those that moved."""

    def __init__(self, position: Position, context: Context):
        super().__init__(
            position,
            context,
            ask=Ask(path="campaigns", params={"sort_by": "created_at", "sort_order": "asc"}),
            look=lambda answer: totals.look(answer)[0],
            family=_PAGES,
            learn=self._moved,
            complete=True,
        )
        self._now, self._recall = context.now, context.recall
        self._noted = context.recall(CAMPAIGN)
        self._met: set[str] | None = None if position else set()

    def take(self, answer: Answer) -> None:
        super().take(answer)
        if self.ask() is None:
            self.notes[ALL_CAMPAIGNS] = self.complete_until
            self.notes.update(self._gone())

    def _moved(self, answer: Answer) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for row in totals.look(answer)[1]:
            name = CAMPAIGN + str(text(row["campaign_id"]))
            before = self._noted.get(name)
            counts = [row.get(counter) for counter in totals.DETECTORS]
            launched = totals.moment_of(row, "launched_at")
            newest = launched or totals.moment_of(row, "created_at")
            if self._met is not None:
                self._met.add(name)
            if before is None or before["counts"] != counts or before["newest"] != newest or "gone" in before:
                moved = before["moved"] if before is not None and before["counts"] == counts else self._now
                begun = bool(launched) or any(counts[1:])
                found[name] = self._noted[name] = {"counts": counts, "newest": newest, "begun": begun, "moved": moved}
        return found

    def _gone(self) -> dict[str, Any]:
        """Campaigns that are there no longer are not asked for. One may be missing because rows moved between two
        pages: its notes are kept for a week. Notes of the leads of those that haven't moved for long aren't needed."""
        found: dict[str, Any] = {}
        for name, note in self._noted.items():
            own = name.removeprefix(CAMPAIGN)
            if self._met is not None and name not in self._met:
                if "gone" not in note:
                    found[name] = {**note, "gone": self._now}
                elif note["gone"] < self._now - WEEK:
                    found |= dict.fromkeys((name, WALKED + own, DETAILS + own)) | self._no_leads(own)
            elif note["moved"] < self._now - AGED and not note.get("aged"):
                found[name] = {**note, "aged": True}
                found |= self._no_leads(own)
        return found

    def _no_leads(self, campaign: str) -> dict[str, Any]:
        return dict.fromkeys(self._recall(f"{LEAD}{campaign}/"))


def _present(context: Context) -> list[tuple[str, dict[str, Any]]]:
    """The campaigns that are there, the newest first, with their notes."""
    noted = context.recall(CAMPAIGN)
    there = [(name.removeprefix(CAMPAIGN), note) for name, note in noted.items() if "gone" not in note]
    return sorted(there, key=lambda one: (-one[1]["newest"], one[0]))


# -- leads -----------------------------------------------------------------------------------------------


class _Leads(Changes):
    """The leads of campaigns that moved since they were last looked through; lively ones now and then anyway."""

    def __init__(self, rewalk_every: int, reread_every: int, position: Position, context: Context):
        self._recall, self._anew = context.recall, reread_every
        self._through: Instant | None = context.recall(ALL_CAMPAIGNS).get(ALL_CAMPAIGNS)
        self._known: dict[str, dict[str, Any]] = {}
        walked = context.recall(WALKED)
        searches = [
            Search(key=campaign, ask=_asking(f"{_path(campaign)}/leads", campaign=campaign), begun=note["counts"])
            for campaign, note in _present(context)
            if _due(note, walked.get(WALKED + campaign), context.now, rewalk_every)
        ]
        super().__init__(position, context, searches=searches, family=_PAGES)

    def _settle(self) -> None:
        super()._settle()
        if self.ask() is None and not self._passed_over:
            self.complete_until = self._through

    def ahead(self) -> Sequence[Ask]:
        return [errand.ask for errand in list(self._errands)[1:4]]

    def look(self, search: Search, answer: Answer) -> tuple[Page, list[Errand]]:
        page, rows = leads.look(answer)
        noted = self._notes_of(search)
        errands = []
        for row in rows:
            lead, print_ = str(text(row["lead_id"])), leads.fingerprint(row)
            name = f"{LEAD}{search.key}/{lead}"
            if print_ is not None and not self._is_known(row, print_, noted.get(name)):
                errands.append(self._errand(search, lead, {name: [print_, self._now]}))
        return page, errands

    def done(self, search: Search, ids: set[str] | None) -> dict[str, Any]:
        prefix = f"{LEAD}{search.key}/"
        vanished = [] if ids is None else [name for name in self._notes_of(search) if name[len(prefix) :] not in ids]
        self._known.clear()
        return {WALKED + search.key: {"counts": search.begun, "at": self._now}} | dict.fromkeys(vanished)

    def _is_known(self, row: Fields, print_: str, noted: list[Any] | None) -> bool:
        if noted is None or noted[0] != print_:
            return False
        contacted = totals.moment_of(row, "last_contacted_at")
        return contacted < self._now - LIVELY or noted[1] > self._now - self._anew

    def _notes_of(self, search: Search) -> dict[str, Any]:
        if search.key not in self._known:
            self._known = {search.key: self._recall(f"{LEAD}{search.key}/")}
        return self._known[search.key]

    @staticmethod
    def _errand(search: Search, lead: str, notes: dict[str, Any]) -> Errand:
        ask = _asking(f"{_path(search.key)}/leads/{quote(lead, safe='')}", campaign=search.key, lead=lead, part="lead")
        return Errand(ask=ask, notes=notes, then=_end)


def _due(note: dict[str, Any], walked: dict[str, Any] | None, at: Instant, rewalk_every: int) -> bool:
    """Whether the leads of a campaign are to be looked through. In one that was never begun nothing has happened."""
    if walked is None:
        return bool(note["begun"])
    if walked["counts"] != note["counts"]:
        return True
    return bool(note["moved"] > at - LIVELY and walked["at"] <= at - rewalk_every)


def _end(answer: Answer) -> None:
    """An answer that leads nowhere. Raises Malformed for what is no JSON."""
    decoded(answer.body)


# -- replies ---------------------------------------------------------------------------------------------


class _Replies(Changes):
    """Conversations until a page holds only known ones: the newest come first, most likely (2.8). Now and then all."""

    def __init__(self, rewalk_every: int, position: Position, context: Context):
        self._noted = context.recall(THREAD)
        last = context.recall(ALL_REPLIES).get(ALL_REPLIES)
        whole = last is None or last <= context.now - rewalk_every
        ask = _asking("replies", part=replies.CONVERSATIONS)
        search = Search(key="replies", ask=ask, begun=whole)
        super().__init__(position, context, searches=[search], family=_PAGES)

    def look(self, search: Search, answer: Answer) -> tuple[Page, list[Errand]]:  # noqa: ARG002
        page, rows = replies.look(answer)
        errands = []
        for row in rows:
            thread, print_ = str(text(row["thread_id"])), replies.fingerprint(row)
            if self._noted.get(THREAD + thread) != print_:
                errand = _read_thread(thread, replies.whose(row), {THREAD + thread: print_})
                if errand is None:
                    self.notes[THREAD + thread] = print_
                else:
                    errands.append(errand)
        return page, errands

    def enough(self, search: Search, page: Page, errands: Sequence[Errand]) -> bool:
        return bool(page.ids) and not errands and not search.begun

    def refused(self, status: int) -> bool:
        # The list of all conversations is never gone: then something else is wrong.
        return bool(self._errands) and super().refused(status)

    def done(self, search: Search, ids: set[str] | None) -> dict[str, Any]:
        if not search.begun:
            return {}
        self.complete_until = self._began
        vanished = [] if ids is None else [name for name in self._noted if name.removeprefix(THREAD) not in ids]
        return {ALL_REPLIES: self._began} | dict.fromkeys(vanished)


def _read_thread(thread: str, whose: dict[str, str] | None, notes: dict[str, Any]) -> Errand | None:
    """What reads the messages of a thread, having asked first whose they are where that isn't told; ``None`` for a
    thread that is no campaign's."""
    path = f"replies/threads/{quote(thread, safe='')}"
    if whose is None:

        def then(answer: Answer) -> Errand | None:
            return _read_thread(thread, replies.whose(replies.thread(answer.body)) or {}, notes)

        return Errand(ask=_asking(path, thread=thread, part=replies.THREAD), notes=notes, then=then)
    return _read_messages(f"{path}/messages", whose | {"thread": thread}, notes) if whose else None


def _read_messages(
    path: str, about: dict[str, str], notes: dict[str, Any], number: int = 1, met: frozenset[str] = frozenset()
) -> Errand:
    """One page of a thread after the other, until none follows or one brings nothing new."""

    def then(answer: Answer) -> Errand | None:
        page = replies.look_at_messages(answer)
        follows = page.more if page.more is not None else len(page.ids) >= MOST
        if not follows or met.issuperset(page.ids):
            return None
        return _read_messages(path, about, notes, number + 1, met.union(page.ids))

    params = {"page": str(number), "limit": str(MOST)}
    return Errand(ask=Ask(path=path, params=params, about=about | {"part": replies.MESSAGES}), notes=notes, then=then)


# -- totals ----------------------------------------------------------------------------------------------


def _analytics(position: Position, context: Context) -> Walk:
    ask = Ask(path="analytics/campaigns")
    return paging.Whole(position, context, ask=ask, look=totals.look_at_analytics, family=paging.Single)


class _Timeline(paging.Windows):
    """Days of 90 a call, both included; almost as many each time, because what happens late is counted in the past (6).
    Days are no events: it never says up to when these are complete."""

    def __init__(self, position: Position, context: Context):
        span = (DAYS_PER_CALL - 1) * DAY
        super().__init__(
            position,
            _looking_back(context, span - 2 * DAY),
            ask=_of_days,
            look=totals.look_at_timeline,
            family=paging.Single,
            span=span,
            first=span,
        )

    def take(self, answer: Answer) -> None:
        super().take(answer)
        self.complete_until = None


def _of_days(since: Instant, until: Instant) -> Ask:
    return Ask(path="analytics/campaigns/timeline", params={"from_date": _day(since), "to_date": _day(until - 1)})


def _looking_back(context: Context, back: Instant) -> Context:
    source = msgspec.structs.replace(context.source, overlap=f"{back}ms")
    return msgspec.structs.replace(context, source=source)


def _day(at: Instant) -> str:
    return moment(at).date().isoformat()


def _details(position: Position, context: Context) -> Walk:
    """Of each campaign that moved since its details were read."""
    read = context.recall(DETAILS)
    moved = {campaign: note["moved"] for campaign, note in _present(context) if note["begun"]}
    items = [
        Item(key=campaign, ask=_asking(_path(campaign), campaign=campaign))
        for campaign, at in moved.items()
        if read.get(DETAILS + campaign) != at
    ]

    def done(item: Item) -> dict[str, Any]:
        return {DETAILS + item.key: moved[item.key]}

    return paging.Each(position, context, items=items, look=totals.look_at_details, done=done, complete=False)

"""Writes a store with the code of another commit, to be kept under ``stores/``. No test runs this.

    git worktree add /tmp/old COMMIT
    PYTHONPATH=/tmp/old python tests/upgrades/write.py tests/upgrades/stores/NAME [v0.1.0]

It is a script, since the packages that it imports are those of the old commit. Written are both files as SQL, and what
that code answered ``before`` and ``after`` it worked off the rest of its inbox. The second argument says that the old
code knows the platforms and the used proofs of v0.1.0. Times are fixed; the key that is kept with its secret opens
invented data.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import chdir, closing
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

import msgspec
from asked import AT, HOOKED, LATER, NEWS, answers, called, configure, held

from aftersend.receiver.auth import mint
from aftersend.settings import Settings, load
from aftersend.storage import open_store
from aftersend.storage.contract import Store, Token
from aftersend.vocabulary import Delivery, Door, Heard, Rate
from aftersend.worker import normalizer, plan
from benchmarks import life

SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
FACTS, WORKED_OFF = 170, 130
GONE = "a-machine-that-is-gone:1:0123456789ab"
"""Held a claim when the store was copied."""


def main(target: Path, *, later: bool) -> None:
    target.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as name:
        directory = Path(name)
        providers = HOOKED + (LATER if later else ())
        settings = load(configure(directory, providers), env={})
        with chdir(directory), closing(open_store(settings.server.database)) as store:
            store.migrate()
            secret = fill(store, settings, providers, later=later)
            kept = {"providers": providers, "secret": secret, "held": held(store)}
        for file in ("aftersend", "aftersend.inbox"):
            with closing(sqlite3.connect(directory / f"{file}.db")) as c:
                (target / f"{file}.sql").write_text("\n".join(c.iterdump()) + "\n")

        def ask(*arguments: str) -> str:
            done = called(directory, *arguments)
            assert done.returncode == 0, done.stderr
            return done.stdout

        kept["before"] = answers(ask)
        ask("drain")
        kept["after"] = answers(ask)
        (target / "answers.json").write_text(json.dumps(kept, ensure_ascii=False, indent=None) + "\n")


def fill(store: Store, settings: Settings, providers: tuple[str, ...], *, later: bool) -> str:
    """Everything a store can hold; returns the secret of a key."""
    facts = life.life(FACTS)
    news = settings.source(NEWS)
    plan.ensure(store, news, AT)
    store.append(_as_webhooks(facts[:WORKED_OFF:2]))
    for page in _as_pages(facts[:WORKED_OFF:3]):
        row = store.claim((NEWS, page.feed, plan.LIVE), "poller", AT + HOUR, at=AT, force=True)
        assert row is not None
        store.append_page(row, page, {"page": 3, "until": AT}, AT + HOUR, {f"seen/{page.feed}": {"rows": 7}})
        store.finish(row, due_at=AT + 400 * DAY, rows=7, complete_until=AT)
    summary = files("aftersend.providers.inwise").joinpath("fixtures/feed_activitiesSummary.json").read_bytes()
    store.append([_page("activitiesSummary", AT + n * DAY, summary.replace(b"100", b"10%d" % n)) for n in range(2)])
    said = [hook for name in providers for hook in _fixtures(name)]
    store.append(said[: len(said) * 3 // 4])
    store.append([_webhook(NEWS, b'{"trigger_type": "emailOpened", "contact": ', "application/json")])
    store.append([_webhook("a-source-of-old", b"{}", "application/json")])
    normalizer.drain(store, settings)

    # What the next process finds: a claim, a feed that waits, and what nobody has worked off yet.
    rows = store.feeds(NEWS)
    claimed = store.claim(rows[0].key, GONE, AT + HOUR, at=AT, force=True)
    parked = store.claim(rows[1].key, GONE, AT + HOUR, at=AT, force=True)
    assert claimed is not None
    assert parked is not None
    store.move_feed(claimed, {"page": 8, "until": AT}, AT + HOUR, {"half": [1, None]})
    store.park(parked, AT + HOUR, "The platform asked for patience.", "429")
    store.append([*_as_webhooks(facts[WORKED_OFF:]), *_as_pages(facts[WORKED_OFF - 20 :: 2])])
    store.append(said[len(said) * 3 // 4 :])

    store.reserve("a-budget", 100, AT, [Rate(100, DAY)])
    store.learned("a-budget", [Heard(HOUR, 1000, 40, AT + HOUR)], AT)
    store.keep_token(Token(account="an-account", access="a", refresh="r", expires_at=AT, scope="all"))
    row, secret = mint(store, "crm", ("reports:read", "contacts:read"))
    revoked, _ = mint(store, "old", ("admin",), (NEWS,), AT)
    store.revoke_key(revoked.id, AT)
    assert store.move_reader(f"{store.keys()[0].id}/crm", None, 25)
    if later:
        _use_proofs(store)
    return secret


def _use_proofs(store: Store) -> None:
    from aftersend.vocabulary import Once

    proved = [
        msgspec.structs.replace(_webhook("mailgun", b"{}"), once=Once(token=b"t", fact=fact, until=AT + 9_000 * DAY))
        for fact in (b"one", b"another")
    ]
    assert [number > 0 for number in store.append(proved)] == [True, False]


def _as_webhooks(facts: list) -> list[Delivery]:
    hooks = life.webhook_deliveries(life.webhooks(facts))
    return [msgspec.structs.replace(hook, source=NEWS) for hook in hooks]


def _as_pages(facts: list) -> list[Delivery]:
    pages = life.page_deliveries(life.pages(facts))
    return [msgspec.structs.replace(page, source=NEWS) for page in pages]


def _fixtures(provider: str) -> Iterator[Delivery]:
    folder = files(f"aftersend.providers.{provider}").joinpath("fixtures")
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.startswith("webhook_") and file.name.endswith(".json"):
            yield _webhook(provider, file.read_bytes(), "application/json")


def _webhook(source: str, body: bytes, content_type: str = "") -> Delivery:
    return Delivery(source=source, door=Door.WEBHOOK, received_at=AT, content_type=content_type, context={}, body=body)


def _page(feed: str, at: int, body: bytes) -> Delivery:
    return Delivery(
        source=NEWS, door=Door.FEED, feed=feed, received_at=at, content_type="application/json", context={}, body=body
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), later="v0.1.0" in sys.argv[2:])

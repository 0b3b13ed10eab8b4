"""The tables, as migrations run by ``aftersend migrate``, each in one transaction with the note of it.

Small numbers stand for words that repeat in every row: kinds, channels and the like by their place in the
vocabulary's enumeration (:mod:`codes`), sources, campaigns, contacts and messages by rows of their own. The
README beside this file names the index behind every query.
"""

from __future__ import annotations

from sqlite_utils import Database
from sqlite_utils.migrations import Migrations


class Steps(Migrations):
    """The steps that one file takes, in their order."""

    def later(self, db: Database) -> list[str]:
        """The steps that a file has taken and this version doesn't know."""
        known = {step.name for step in self._migrations}
        return [step.name for step in self.applied(db) if step.name not in known]


inbox = Steps("aftersend inbox")
events = Steps("aftersend events")


def _run(db: Database, script: str) -> None:
    for statement in script.split(";"):
        if statement.strip():
            db.execute(statement)


@inbox(name="1 deliveries, feeds, keys")
def _inbox_1(db: Database) -> None:
    _run(
        db,
        """
        CREATE TABLE deliveries (
            id           INTEGER PRIMARY KEY AUTOINCREMENT,
            source       TEXT NOT NULL,
            door         TEXT NOT NULL,
            feed         TEXT NOT NULL,
            received_at  INTEGER NOT NULL,
            content_type TEXT NOT NULL,
            context      TEXT NOT NULL,
            body         BLOB NOT NULL
        );
        CREATE TABLE feeds (
            source          TEXT NOT NULL,
            feed            TEXT NOT NULL,
            lane            TEXT NOT NULL,
            resource        TEXT NOT NULL,
            position        TEXT NOT NULL DEFAULT '{}',
            since           INTEGER,
            until           INTEGER,
            due_at          INTEGER NOT NULL,
            owner           TEXT,
            claimed_until   INTEGER,
            last_run_at     INTEGER,
            last_success_at INTEGER,
            complete_until  INTEGER,
            last_rows       INTEGER,
            quiet_runs      INTEGER NOT NULL DEFAULT 0,
            parked_until    INTEGER,
            failures        INTEGER NOT NULL DEFAULT 0,
            stopped         INTEGER NOT NULL DEFAULT 0,
            finished        INTEGER NOT NULL DEFAULT 0,
            problem         TEXT,
            problem_body    TEXT,
            fingerprint     TEXT NOT NULL DEFAULT '',
            PRIMARY KEY (source, feed, lane)
        );
        CREATE INDEX feeds_resource ON feeds (resource);
        CREATE TABLE notes (
            source TEXT NOT NULL,
            name   TEXT NOT NULL,
            value  TEXT NOT NULL,
            PRIMARY KEY (source, name)
        ) WITHOUT ROWID;
        CREATE TABLE budgets (
            name         TEXT PRIMARY KEY,
            next_at      INTEGER NOT NULL,
            silent_until INTEGER NOT NULL DEFAULT 0
        );
        CREATE TABLE windows (
            budget TEXT NOT NULL,
            period INTEGER NOT NULL,
            most   INTEGER NOT NULL,
            began  INTEGER NOT NULL,
            used   INTEGER NOT NULL,
            before INTEGER NOT NULL,
            PRIMARY KEY (budget, period)
        ) WITHOUT ROWID;
        CREATE TABLE tokens (
            account          TEXT PRIMARY KEY,
            access           TEXT NOT NULL,
            refresh          TEXT NOT NULL,
            expires_at       INTEGER NOT NULL,
            scope            TEXT NOT NULL,
            generation       INTEGER NOT NULL,
            refreshing_until INTEGER
        );
        CREATE TABLE keys (
            id         TEXT PRIMARY KEY,
            digest     BLOB NOT NULL UNIQUE,
            name       TEXT NOT NULL,
            scopes     TEXT NOT NULL,
            sources    TEXT,
            created_at INTEGER NOT NULL,
            expires_at INTEGER,
            revoked_at INTEGER
        );
        CREATE TABLE readers (name TEXT PRIMARY KEY, position INTEGER NOT NULL)
        """,
    )


@inbox(name="2 used proofs")
def _inbox_2(db: Database) -> None:
    _run(
        db,
        """
        CREATE TABLE proofs (
            token BLOB PRIMARY KEY,
            fact  BLOB NOT NULL,
            until INTEGER NOT NULL
        ) WITHOUT ROWID
        """,
    )


@events(name="1 events and what is derived from them")
def _events_1(db: Database) -> None:
    _run(
        db,
        """
        CREATE TABLE state (
            only        INTEGER PRIMARY KEY CHECK (only = 1),
            position    INTEGER NOT NULL,
            as_of       INTEGER,
            last_number INTEGER NOT NULL
        );
        INSERT INTO state VALUES (1, 0, NULL, 0);

        CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

        CREATE TABLE campaigns (
            id          INTEGER PRIMARY KEY,
            source      INTEGER NOT NULL,
            campaign_id TEXT NOT NULL,
            activity_id TEXT NOT NULL DEFAULT '',
            first_at    INTEGER,
            last_at     INTEGER,
            about       TEXT,
            UNIQUE (source, campaign_id, activity_id)
        );
        CREATE INDEX campaigns_activity ON campaigns (activity_id) WHERE activity_id != '';

        CREATE TABLE templates (
            id       INTEGER PRIMARY KEY,
            source   INTEGER NOT NULL,
            template TEXT NOT NULL,
            UNIQUE (source, template)
        );

        CREATE TABLE links (
            id       INTEGER PRIMARY KEY,
            campaign INTEGER NOT NULL,
            url      TEXT NOT NULL,
            number   TEXT,
            UNIQUE (campaign, url)
        );

        CREATE TABLE contacts (
            id             INTEGER PRIMARY KEY,
            source         INTEGER NOT NULL,
            key            TEXT NOT NULL,
            email          TEXT,
            email_at       INTEGER,
            external_id    TEXT,
            external_id_at INTEGER,
            phone          TEXT,
            phone_at       INTEGER,
            earlier        TEXT,
            first_at       INTEGER,
            about          TEXT,
            UNIQUE (source, key)
        );
        CREATE INDEX contacts_email ON contacts (source, lower(email)) WHERE email IS NOT NULL;
        CREATE INDEX contacts_external_id ON contacts (source, external_id) WHERE external_id IS NOT NULL;

        CREATE TABLE messages (
            id       INTEGER PRIMARY KEY,
            campaign INTEGER NOT NULL,
            contact  INTEGER NOT NULL,
            channel  INTEGER NOT NULL,
            key      TEXT NOT NULL,
            pair     INTEGER NOT NULL,
            UNIQUE (campaign, contact, channel, key)
        );
        CREATE INDEX messages_contact ON messages (contact);
        CREATE INDEX messages_pair ON messages (pair) WHERE pair != id;

        CREATE TABLE events (
            id             INTEGER PRIMARY KEY,
            slot           BLOB NOT NULL,
            n              INTEGER NOT NULL,
            source         INTEGER NOT NULL,
            campaign       INTEGER NOT NULL,
            contact        INTEGER NOT NULL,
            message        INTEGER NOT NULL,
            kind           INTEGER NOT NULL,
            channel        INTEGER NOT NULL,
            machine        INTEGER NOT NULL,
            at             INTEGER NOT NULL,
            precision      INTEGER NOT NULL,
            clock          INTEGER NOT NULL,
            doors          INTEGER NOT NULL,
            sightings      INTEGER NOT NULL,
            delivery       INTEGER NOT NULL,
            received_at    INTEGER NOT NULL,
            digest         INTEGER NOT NULL,
            list           TEXT NOT NULL,
            row            TEXT NOT NULL,
            word           TEXT NOT NULL,
            row_id         TEXT,
            activity_id    TEXT,
            message_id     TEXT,
            by_message     INTEGER NOT NULL,
            template       TEXT,
            external_id    TEXT,
            email          TEXT,
            phone          TEXT,
            url            TEXT,
            link_number    TEXT,
            ip             TEXT,
            ip_chain       TEXT,
            user_agent     TEXT,
            device         TEXT,
            machine_reason TEXT,
            bounce_class   TEXT,
            reason         TEXT,
            smtp_code      TEXT,
            metadata       TEXT,
            sort           INTEGER NOT NULL,
            UNIQUE (slot, n)
        );
        CREATE INDEX events_source ON events (source, kind, at);
        CREATE INDEX events_campaign ON events (campaign, kind, at);
        CREATE INDEX events_message ON events (message);

        CREATE TABLE sightings (
            slot        BLOB NOT NULL,
            list        TEXT NOT NULL,
            row         TEXT NOT NULL,
            digest      INTEGER NOT NULL,
            door        INTEGER NOT NULL,
            delivery    INTEGER NOT NULL,
            received_at INTEGER NOT NULL,
            event       BLOB NOT NULL,
            PRIMARY KEY (slot, list, row, digest)
        ) WITHOUT ROWID;

        CREATE TABLE snapshots (
            source      INTEGER NOT NULL,
            campaign_id TEXT NOT NULL,
            list        TEXT NOT NULL,
            read_at     INTEGER NOT NULL,
            snapshot    TEXT NOT NULL,
            PRIMARY KEY (source, campaign_id, list, read_at)
        ) WITHOUT ROWID;

        CREATE TABLE latest_snapshots (
            source      INTEGER NOT NULL,
            campaign_id TEXT NOT NULL,
            list        TEXT NOT NULL,
            read_at     INTEGER NOT NULL,
            snapshot    TEXT NOT NULL,
            PRIMARY KEY (source, campaign_id, list)
        ) WITHOUT ROWID;

        CREATE TABLE totals (
            source    INTEGER NOT NULL,
            campaign  INTEGER NOT NULL,
            kind      INTEGER NOT NULL,
            channel   INTEGER NOT NULL,
            total     INTEGER NOT NULL,
            uniq      INTEGER NOT NULL,
            eventless INTEGER NOT NULL,
            PRIMARY KEY (source, campaign, kind)
        ) WITHOUT ROWID;

        CREATE TABLE quarantine (
            delivery    INTEGER NOT NULL,
            item        INTEGER NOT NULL,
            source      TEXT NOT NULL,
            door        TEXT NOT NULL,
            feed        TEXT NOT NULL,
            received_at INTEGER NOT NULL,
            reason      TEXT NOT NULL,
            raw         BLOB NOT NULL,
            PRIMARY KEY (delivery, item)
        ) WITHOUT ROWID;

        CREATE TABLE outcomes (
            message        INTEGER NOT NULL,
            kind           INTEGER NOT NULL,
            n              INTEGER NOT NULL,
            first_at       INTEGER NOT NULL,
            last_at        INTEGER NOT NULL,
            human_n        INTEGER NOT NULL,
            human_first_at INTEGER,
            human_last_at  INTEGER,
            PRIMARY KEY (message, kind)
        ) WITHOUT ROWID;

        CREATE TABLE buckets (
            scope        INTEGER NOT NULL,
            channel      INTEGER NOT NULL,
            kind         INTEGER NOT NULL,
            quarter      INTEGER NOT NULL,
            n            INTEGER NOT NULL,
            uniq         INTEGER NOT NULL,
            msgs         INTEGER NOT NULL,
            human_n      INTEGER NOT NULL,
            human_uniq   INTEGER NOT NULL,
            human_msgs   INTEGER NOT NULL,
            PRIMARY KEY (scope, channel, kind, quarter)
        ) WITHOUT ROWID;

        CREATE TABLE doors (
            source  INTEGER NOT NULL,
            kind    INTEGER NOT NULL,
            quarter INTEGER NOT NULL,
            webhook INTEGER NOT NULL,
            feed    INTEGER NOT NULL,
            both    INTEGER NOT NULL,
            PRIMARY KEY (source, kind, quarter)
        ) WITHOUT ROWID;

        CREATE TABLE standings (
            message    INTEGER PRIMARY KEY,
            source     INTEGER NOT NULL,
            alone      INTEGER NOT NULL,
            template   INTEGER NOT NULL,
            stated     INTEGER NOT NULL,
            created_at INTEGER,
            status     INTEGER
        );
        CREATE INDEX standings_source ON standings (source, created_at) WHERE created_at IS NOT NULL;
        CREATE INDEX standings_template ON standings (template, created_at) WHERE created_at IS NOT NULL;

        CREATE TABLE cohorts (
            scope      INTEGER NOT NULL,
            status     INTEGER NOT NULL,
            quarter    INTEGER NOT NULL,
            n          INTEGER NOT NULL,
            sent       INTEGER NOT NULL,
            delivered  INTEGER NOT NULL,
            opened     INTEGER NOT NULL,
            clicked    INTEGER NOT NULL,
            bounced    INTEGER NOT NULL,
            complained INTEGER NOT NULL,
            PRIMARY KEY (scope, status, quarter)
        ) WITHOUT ROWID;

        CREATE TABLE clicks (
            message INTEGER NOT NULL,
            link    INTEGER NOT NULL,
            n       INTEGER NOT NULL,
            human_n INTEGER NOT NULL,
            PRIMARY KEY (message, link)
        ) WITHOUT ROWID;

        CREATE TABLE facets (
            campaign   INTEGER NOT NULL,
            channel    INTEGER NOT NULL,
            facet      INTEGER NOT NULL,
            value      INTEGER NOT NULL,
            n          INTEGER NOT NULL,
            uniq       INTEGER NOT NULL,
            human_n    INTEGER NOT NULL,
            human_uniq INTEGER NOT NULL,
            PRIMARY KEY (campaign, channel, facet, value)
        ) WITHOUT ROWID
        """,
    )

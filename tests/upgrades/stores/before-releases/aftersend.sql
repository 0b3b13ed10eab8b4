BEGIN TRANSACTION;
CREATE TABLE "_sqlite_migrations" (
   "id" INTEGER PRIMARY KEY,
   "migration_set" TEXT,
   "name" TEXT,
   "applied_at" TEXT
);
INSERT INTO "_sqlite_migrations" VALUES(1,'aftersend events','1 events and what is derived from them','2026-11-21 15:35:54.271190+00:00');
CREATE TABLE buckets (
            scope        INTEGER NOT NULL,
            channel      INTEGER NOT NULL,
            kind         INTEGER NOT NULL,
            quarter      INTEGER NOT NULL,
            n            INTEGER NOT NULL,
            uniq         INTEGER NOT NULL,
            human_n      INTEGER NOT NULL,
            human_uniq   INTEGER NOT NULL,
            PRIMARY KEY (scope, channel, kind, quarter)
        ) WITHOUT ROWID
        ;
CREATE TABLE campaigns (
            id          INTEGER PRIMARY KEY,
            source      INTEGER NOT NULL,
            campaign_id TEXT NOT NULL,
            first_at    INTEGER,
            last_at     INTEGER,
            UNIQUE (source, campaign_id)
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
            UNIQUE (source, key)
        );
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
            UNIQUE (slot, n)
        );
CREATE TABLE messages (
            id       INTEGER PRIMARY KEY,
            campaign INTEGER NOT NULL,
            contact  INTEGER NOT NULL,
            channel  INTEGER NOT NULL,
            key      TEXT NOT NULL,
            pair     INTEGER NOT NULL,
            UNIQUE (campaign, contact, channel, key)
        );
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
            list        TEXT NOT NULL,
            campaign_id TEXT NOT NULL,
            read_at     INTEGER NOT NULL,
            snapshot    TEXT NOT NULL,
            PRIMARY KEY (source, list, campaign_id, read_at)
        ) WITHOUT ROWID;
CREATE TABLE sources (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE state (
            only        INTEGER PRIMARY KEY CHECK (only = 1),
            position    INTEGER NOT NULL,
            as_of       INTEGER,
            last_number INTEGER NOT NULL
        );
INSERT INTO "state" VALUES(1,0,NULL,0);
CREATE UNIQUE INDEX "idx__sqlite_migrations_migration_set_name"
    ON "_sqlite_migrations" ("migration_set", "name");
CREATE INDEX contacts_email ON contacts (source, lower(email)) WHERE email IS NOT NULL;
CREATE INDEX contacts_external_id ON contacts (source, external_id) WHERE external_id IS NOT NULL;
CREATE INDEX messages_contact ON messages (contact);
CREATE INDEX messages_pair ON messages (pair) WHERE pair != id;
CREATE INDEX events_source ON events (source, kind, at);
CREATE INDEX events_campaign ON events (campaign, kind, at);
CREATE INDEX events_message ON events (message);
COMMIT;

"""The questions of the reports to DuckDB, inside the peers' environment (:mod:`benchmarks.environment`).

``python -m benchmarks.duck_run PLAIN COLUMNS KINDS`` makes the database ``COLUMNS`` of the rows of the plain table
``PLAIN`` (:mod:`benchmarks.plain`) where it isn't there yet, and says ``{}``. Then each line it is given is answered by
a line, both JSON: ``{"rows": question}`` by the rows, ``{"ask": [question, …], "seconds": most}`` by how long each took
in milliseconds, the first not counted. A question is a method of :class:`Columns` and what it is given. ``KINDS`` has
the numbers of our kinds.

At its best: a file of its own in the order of time, so that it skips what lies outside a range, numbers instead of
names, indexes on what single rows are looked up by, both cores, all the memory it wants.
"""

from __future__ import annotations

import json
import sqlite3
import sys
import time
from pathlib import Path
from typing import Any

import duckdb  # type: ignore[import-not-found]
import orjson  # type: ignore[import-not-found]
import pyarrow  # type: ignore[import-not-found]

HOUR, DAY = 3_600_000, 86_400_000
BATCH = 100_000
KINDS: dict[str, int] = json.loads(sys.argv[3]) if __name__ == "__main__" else {}
ROW = """
    SELECT s.name, e.id, e.kind, e.word, e.ms, g.campaign_id, c.key, coalesce(e.email, c.email), e.template,
           coalesce(e.external_id, c.external_id), e.message_id, e.url, e.link_number, e.ip, e.user_agent, e.device,
           e.machine, e.bounce_class, e.reason, e.smtp_code, e.row_id, e.metadata
    FROM events e JOIN sources s ON s.id = e.source JOIN campaigns g ON g.id = e.campaign
    JOIN contacts c ON c.id = e.contact
"""

Rows = list[tuple[Any, ...]]


def build(plain: Path, columns: Path) -> None:
    """The same rows, in a new file."""
    filling = columns.with_suffix(".filling")
    filling.unlink(missing_ok=True)
    source, target = sqlite3.connect(plain), duckdb.connect(str(filling))
    for table in ("sources", "campaigns", "contacts", "events"):
        about = source.execute(f"PRAGMA table_info({table})").fetchall()
        names = ["ms" if name == "at" else name for _, name, *_ in about]  # "at" is a word of DuckDB's
        types = [pyarrow.int64() if kind == "INTEGER" else pyarrow.string() for _, _, kind, *_ in about]
        schema = pyarrow.schema(list(zip(names, types, strict=True)))
        cursor = source.execute(f"SELECT * FROM {table} ORDER BY {'at, id' if table == 'events' else 'id'}")
        made = "CREATE TABLE {} AS SELECT * FROM batch"
        while rows := cursor.fetchmany(BATCH):
            values = [pyarrow.array(column, kind) for column, kind in zip(zip(*rows, strict=True), types, strict=True)]
            target.register("batch", pyarrow.Table.from_arrays(values, schema=schema))
            target.execute(made.format(table))
            made = "INSERT INTO {} SELECT * FROM batch"
    target.execute("CREATE INDEX by_email ON contacts (email)")
    target.execute("CREATE INDEX by_external_id ON contacts (external_id)")
    target.execute("CREATE INDEX by_contact ON events (contact)")
    target.execute("ANALYZE")
    target.close()
    filling.rename(columns)


class Columns:
    """The questions, each as the statement one would write for DuckDB."""

    def __init__(self, path: Path):
        self._c = duckdb.connect(str(path), read_only=True)

    def funnel(self, since: int | None = None, until: int | None = None) -> Rows:
        where, values = ("", ()) if since is None else ("WHERE ms >= ? AND ms < ?", (since, until))
        return self._all(f"SELECT kind, count(*), count(DISTINCT message) FROM events {where} GROUP BY kind", *values)

    def funnel_of(self, campaign: str) -> Rows:
        return self._all(
            "SELECT kind, count(*), count(DISTINCT message) FROM events WHERE campaign = ? GROUP BY kind",
            self._campaign(campaign),
        )

    def timeline(self, since: int, until: int, slot: int, offset: int = 0) -> Rows:
        return self._all(
            "SELECT (ms + ?) // ?, kind, count(*), count(DISTINCT message) FROM events WHERE ms >= ? AND ms < ? "
            "GROUP BY 1, 2",
            *(offset, slot, since, until),
        )

    def dashboard(self, since: int, until: int) -> list[Rows]:
        top = self._all(
            "SELECT campaign, count(*), count(DISTINCT message) FROM events WHERE kind = ? AND ms >= ? AND ms < ? "
            "GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT 10",
            *(KINDS["opened"], since, until),
        )
        before = 2 * since - until
        return [self.funnel(before, since), self.funnel(since, until), self.timeline(since, until, DAY), top]

    def campaigns(self, limit: int) -> Rows:
        return self._all(
            "SELECT g.campaign_id, g.name, e.kind, count(*), count(DISTINCT e.message), min(e.ms), max(e.ms) "
            "FROM campaigns g JOIN events e ON e.campaign = g.id "
            "WHERE g.id IN (SELECT id FROM campaigns ORDER BY campaign_id DESC LIMIT ?) "
            "GROUP BY g.id, g.campaign_id, g.name, e.kind",
            limit,
        )

    def campaign(self, campaign: str) -> list[Rows]:
        id = self._campaign(campaign)
        ((first,),) = self._all("SELECT min(ms) FROM events WHERE campaign = ? AND kind = ?", id, KINDS["sent"])
        opened, clicked, bounced = (KINDS[kind] for kind in ("opened", "clicked", "bounced"))
        of = "FROM events WHERE campaign = ? AND kind"
        engaged = (
            f"SELECT kind, (ms - ?) // ?, count(DISTINCT message) {of} IN (?, ?) AND ms >= ? AND ms < ? GROUP BY 1, 2"
        )
        return [
            self.funnel_of(campaign),
            self._all(
                f"SELECT url, count(*), count(DISTINCT message) {of} = ? GROUP BY 1 ORDER BY 3 DESC", id, clicked
            ),
            self._all(f"SELECT kind, device, count(*) {of} IN (?, ?) GROUP BY 1, 2", id, opened, clicked),
            self._all(f"SELECT bounce_class, reason, count(DISTINCT message) {of} = ? GROUP BY 1, 2", id, bounced),
            self._all(engaged, first, HOUR, id, opened, clicked, first, first + DAY),
            self._all(engaged, first, DAY, id, opened, clicked, first, first + 30 * DAY),
        ]

    def templates(self) -> Rows:
        return self._all("SELECT template, kind, count(DISTINCT message) FROM events GROUP BY 1, 2")

    def cohorts(self, template: str, since: int, until: int) -> Rows:
        logged = ("sent", "delivered", "opened", "clicked", "bounced", "complained")
        happened = ", ".join(f"sum(kinds >> {KINDS[kind]} & 1)" for kind in logged)
        return self._all(
            f"SELECT born // ?, count(*), {happened} "
            "FROM (SELECT min(ms) AS born, bit_or(1::BIGINT << kind) AS kinds FROM events WHERE template = ? "
            "GROUP BY message) WHERE born >= ? AND born < ? GROUP BY 1",
            *(DAY, template, since, until),
        )

    def newest(self, limit: int, after: tuple[int, int] | None = None) -> Rows:
        behind = "WHERE (e.ms, e.id) < (?, ?)" if after else ""
        return self._all(f"{ROW} {behind} ORDER BY e.ms DESC, e.id DESC LIMIT ?", *(after or ()), limit)

    def undelivered(self, limit: int) -> Rows:
        kinds = ", ".join(str(KINDS[kind]) for kind in ("bounced", "dropped", "failed"))
        return self._all(f"{ROW} WHERE e.kind IN ({kinds}) ORDER BY e.ms DESC, e.id DESC LIMIT ?", limit)

    def of_contact(self, column: str, value: str, limit: int) -> Rows:
        # Two steps: an index serves only a comparison with a value that is known.
        ids = ", ".join(str(id) for (id,) in self._all(f"SELECT id FROM contacts WHERE {column} = ?", value))
        return self._all(f"{ROW} WHERE e.contact IN ({ids or 'NULL'}) ORDER BY e.ms DESC LIMIT ?", limit)

    def log(self, limit: int) -> Rows:
        return self._all(
            "SELECT m.message, g.campaign_id, c.key, c.email, c.external_id, m.template, m.message_id, m.ms, "
            "e.kind, count(*), min(e.ms), max(e.ms) "
            "FROM (SELECT * FROM events WHERE kind = ? ORDER BY ms DESC, message DESC LIMIT ?) m "
            "JOIN campaigns g ON g.id = m.campaign JOIN contacts c ON c.id = m.contact "
            "JOIN events e ON e.message = m.message "
            "GROUP BY ALL",
            *(KINDS["sent"], limit),
        )

    def _campaign(self, campaign: str) -> int:
        ((id,),) = self._all("SELECT id FROM campaigns WHERE campaign_id = ?", campaign)
        return int(id)

    def _all(self, statement: str, *values: Any) -> Rows:
        rows: Rows = self._c.execute(statement, values).fetchall()
        return rows


def answer(columns: Columns, line: str) -> Any:
    """What a line asks."""
    asked = json.loads(line)
    if "rows" in asked:
        method, given = asked["rows"]
        return getattr(columns, method)(*given)
    took: list[float] = []
    began = time.perf_counter()
    for number, (method, given) in enumerate(asked["ask"]):
        start = time.perf_counter()
        orjson.dumps(getattr(columns, method)(*given))
        ended = time.perf_counter()
        if number == 0:
            began = ended
            continue
        took.append((ended - start) * 1000)
        if ended - began > asked["seconds"]:
            break
    return took


def main(plain: Path, path: Path) -> None:
    """Answer until there is no more line."""
    if not path.exists():
        build(plain, path)
    columns = Columns(path)
    print("{}", flush=True)
    for line in sys.stdin:
        sys.stdout.buffer.write(orjson.dumps(answer(columns, line)) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))

"""A platform of canned pages, as slow as the path says: ``/50/campaigns/email/activities`` waits 50 ms a page.

``python -m benchmarks.pages PORT FOLDER`` serves ``FOLDER/{feed}.{page}.json`` by ``page_index`` and an empty
array behind the last page. No number means the first one; an answer names the number of the next page, if there is
one, in the header ``x-next-page``.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

from benchmarks.life import Page

NEXT = "x-next-page"


def lay_out(pages: Iterable[Page], folder: Path) -> None:
    """Write pages where the server finds them."""
    folder.mkdir()
    count: Counter[str] = Counter()
    for page in pages:
        (folder / f"{page.feed}.{count[page.feed]}.json").write_bytes(page.body)
        count[page.feed] += 1


class Handler(BaseHTTPRequestHandler):
    """Answers from memory."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else the body, which follows the head, waits 40 ms for the client's ACK
    pages: ClassVar[dict[str, bytes]] = {}

    def do_GET(self) -> None:
        """One page of the list that the path ends with."""
        asked = urlsplit(self.path)
        _, delay_ms, *_, feed = asked.path.split("/")
        number = int(parse_qs(asked.query).get("page_index", ["0"])[0])
        body = self.pages.get(f"{feed}.{number}.json", b"[]")
        time.sleep(int(delay_ms) / 1000)
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if f"{feed}.{number + 1}.json" in self.pages:
            self.send_header(NEXT, str(number + 1))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing: a thousand lines would be measured too."""


if __name__ == "__main__":
    Handler.pages = {file.name: file.read_bytes() for file in Path(sys.argv[2]).iterdir()}
    ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()

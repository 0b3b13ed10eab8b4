"""Text of strangers: in CSV, headers, logs, terminals and pages it is shown and does nothing."""

from __future__ import annotations

import base64
import csv
import io
import re
import subprocess
import sys
from hashlib import sha256
from html.parser import HTMLParser

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from own_api import told
from reading_world import event

from aftersend.console import run
from aftersend.printable import on_lines, on_one_line
from aftersend.receiver import create_app
from aftersend.receiver.export import ExportQuestion
from aftersend.vocabulary import CampaignInfo, ContactInfo, Kind, now
from tests.security.conftest import unlimited
from tests.security.routes import operations

READING = [one for one in operations() if one.method == "GET"]
FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("http://evil.example","x")', "＝1")
EVIL = "\x1b]0;owned\x07\x1b[2J\x9b31m\r\n2026-01-01 [error] forged\u2028\u202e\x85\x00"
OBEYED = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def set_to(world, formulas: str) -> None:
    """The installation is started again with this setting."""
    server = msgspec.structs.replace(world.settings.server, formulas=formulas)
    settings = msgspec.structs.replace(unlimited(world.settings), server=server)
    world.client = create_app(settings, world.store).test_client()


def told_everywhere(world, text: str) -> None:
    """An event and a message every free text of which is this."""
    at = now() - 60_000
    texts = dict.fromkeys(
        ("message_id", "activity_id", "template", "external_id", "email", "url", "ip", "user_agent", "reason"), text
    )
    for n, kind in enumerate((Kind.SENT, Kind.CLICKED, Kind.BOUNCED, Kind.DROPPED)):
        world.tell(
            event(kind, at + n, text, text, row=f"r{n}", **texts, metadata={"k": text}, word=text), received_at=at
        )
    told(
        world,
        CampaignInfo(campaign_id=text, name=text, subject=text, template=text),
        ContactInfo(contact_id=text, email=text),
    )


# -- CSV -----------------------------------------------------------------------------------------------------


def test_where_the_installation_says_so_no_cell_of_any_csv_is_a_formula(world):
    for formula in FORMULAS:
        told_everywhere(world, formula)
    set_to(world, "safe")
    answers = [
        *(
            world.client.get(f"/v1/export?what={what}&format=csv", headers=world.admin)
            for what in ("events", "messages")
        ),
        world.client.get("/v1/admin/reporting/sends/export", headers={"Authorization": "Bearer the-admin-key"}),
    ]
    for answer in answers:
        rows = list(csv.reader(io.StringIO(answer.text, newline="")))
        cells = [cell for row in rows[1:] for cell in row]
        assert [cell for cell in cells if cell.startswith(tuple("=+-@\t\r\n＝＋－＠"))] == []
        assert all(cells.count(f"'{formula}") >= 3 for formula in FORMULAS)


@pytest.mark.parametrize("asked", ["raw", "safe"])
def test_whoever_asks_says_it_and_the_setting_is_for_those_who_do_not(world, asked):
    told_everywhere(world, "=1+1")
    set_to(world, "raw" if asked == "safe" else "safe")
    cells = world.client.get(f"/v1/export?columns=url&formulas={asked}", headers=world.admin).text.split()
    assert set(cells[1:]) == {"'=1+1" if asked == "safe" else "=1+1"}
    assert ExportQuestion().formulas is None


def test_the_consoles_csv_keeps_to_the_setting_too(world, tmp_path, capsys):
    told_everywhere(world, "=1+1")
    file = tmp_path / "aftersend.toml"
    for formulas, cell in (("safe", "'=1+1"), ("raw", "=1+1")):
        file.write_text(
            f'[server]\ndatabase = "{world.settings.server.database}"\nformulas = "{formulas}"\n'
            '[[sources]]\nname = "acme"\nprovider = "inwise"\n'
        )
        for report in ("activities", "campaigns", "templates"):
            assert run(["--config", str(file), "report", report, "--csv"]) == 0
            rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
            assert cell in {text for row in rows[1:] for text in row}


# -- headers -------------------------------------------------------------------------------------------------

BROKEN = ("x\r\nX-Injected: 1", "x\rX-Injected: 1\n\x00\u2028", 'x"; filename="evil.exe')


@pytest.mark.parametrize("text", BROKEN, ids=ascii)
def test_no_text_becomes_a_header_on_any_route(world, text):
    told_everywhere(world, text)
    usual = None
    for one in READING:
        for query in ({}, dict.fromkeys(one.names("query"), text), {"source": text}, {text: text}):
            path = one.path(**{name: text.replace("/", "") for name in one.names("path")}) if query else one.path()
            answer = world.client.get(
                path, query_string=one.query() | query, headers={**world.admin, "Authorization": "Bearer the-admin-key"}
            )
            assert answer.status_code < 500
            for name, value in answer.headers:
                assert name != "X-Injected"
                assert not OBEYED.search(value)
                assert "evil.exe" not in value
            usual = answer
    assert usual is not None


def test_a_redirect_leads_to_the_host_that_was_asked(world):
    asked = [
        f"/{slashes}{rest}" for slashes in ("/", "//", "\\") for rest in ("evil.example/", "evil.example/v1/funnel")
    ]
    asked += [
        "/v1//funnel",
        "/v1/campaigns//evil.example",
        "/v1/funnel//",
        "/docs//",
        "/.//evil.example",
        "/%2f%2fevil.example",
    ]
    for path in asked:
        answer = world.client.get(
            "/x", headers=world.admin, environ_overrides={"PATH_INFO": path, "HTTP_HOST": "here.test"}
        )
        assert (answer.status_code, answer.headers.get("Location", "http://here.test/")[:17]) in [
            (status, "http://here.test/") for status in (200, 308, 404)
        ]


def test_no_route_sets_a_cookie_or_opens_itself_to_other_sites(world):
    headers = {**world.admin, "Authorization": "Bearer the-admin-key", "Origin": "https://evil.example"}
    for path in ("/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics", *(one.path() for one in READING)):
        answer = world.client.get(path, headers=headers)
        named = {name.lower() for name, _ in answer.headers}
        assert "set-cookie" not in named
        assert not {name for name in named if name.startswith("access-control-")}


@pytest.mark.parametrize(
    "path", ["../../../../etc/passwd", "..%2f..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "....//etc"]
)
def test_no_path_leads_to_a_file(world, path):
    rules = {rule.endpoint for rule in world.client.application.url_map.iter_rules()}
    assert "static" not in rules
    for base in ("/", "/static/", "/docs/", "/v1/campaigns/", "/v1/events/", "/webhooks/acme/", "/webhooks/"):
        answer = world.client.get(base + path, headers=world.admin)
        assert answer.status_code in (401, 404)
        assert "root:" not in answer.text


# -- logs and terminals ----------------------------------------------------------------------------------------


@given(text=st.text() | st.just(EVIL))
def test_what_is_shown_on_a_line_stays_on_it_and_steers_nothing(text):
    assert not OBEYED.search(on_one_line(text))
    assert len(on_one_line(text).splitlines()) <= 1
    assert not OBEYED.search(on_lines(text))
    assert on_lines(text).split("\n") == [on_one_line(line).replace("\\x09", "\t") for line in text.split("\n")]


def test_ordinary_text_of_any_language_is_shown_as_it_is():
    for text in ("Grüße, שלום 你好 🎉", "C:\\x1b is a path"):
        assert on_one_line(text) == text


LOGGING = """
import sys, structlog
from aftersend import logs
logs.configure("debug")
log = structlog.get_logger()
evil = eval(sys.argv[1])
log.info(evil, source=evil, reason={"nested": evil}, error=ValueError(evil), raw=evil.encode())
try:
    raise ValueError(evil)
except ValueError as error:
    log.error("it failed", exc_info=error)
"""


def test_nothing_that_is_logged_forges_a_line_or_steers_a_terminal():
    done = subprocess.run([sys.executable, "-c", LOGGING, repr(EVIL)], capture_output=True, text=True, check=True)
    lines = done.stderr.split("\n")
    assert not OBEYED.search(done.stderr)
    assert not re.search(r"^2026-01-01", done.stderr, re.MULTILINE)
    assert sum("forged" in line for line in lines) >= 2
    # Every line is an event's or begins with a traceback's bar.
    assert [line for line in lines[:-1] if not re.match(r"\d{4}-\d\d-\d\dT|  \| ", line)] == []


def test_tracebacks_show_no_values():
    script = (
        LOGGING.replace("evil = eval(sys.argv[1])", "evil = 'x'\ndef f(secret):\n    raise KeyError\n")
        .replace("    raise ValueError(evil)\n", "    f('the-secret' + '-of-all')\n")
        .replace("except ValueError", "except KeyError")
    )
    done = subprocess.run([sys.executable, "-c", script, "''"], capture_output=True, text=True, check=True)
    assert "KeyError" in done.stderr
    assert "the-secret-of-all" not in done.stderr


@pytest.mark.parametrize("text", [EVIL, "[/][bold]x[link=http://evil.example]y[/link]"], ids=ascii)
def test_no_name_steers_the_terminal_of_any_command(world, tmp_path, capsys, text):
    text = text.replace("\x00", "")
    told_everywhere(world, text)
    world.tell(problems=(_problem(text),))
    file = tmp_path / "aftersend.toml"
    file.write_text(
        f'[server]\ndatabase = "{world.settings.server.database}"\n'
        '[[sources]]\nname = "acme"\nprovider = "inwise"\nwebhook_secrets = ["0123456789abcdef0123"]\n'
    )
    commands = [
        *(["report", name] for name in ("funnel", "timeline", "dashboard", "campaigns", "templates", "doors")),
        *(["report", name] for name in ("snapshots", "sent", "undelivered", "activities")),
        *(["report", "campaign", text], ["report", "contact", text, "--external-id", text][:3]),
        *(["quarantine"], ["sources"], ["check", text], ["keys", "list"], ["report", "funnel", "--source", text]),
    ]
    seen = 0
    for arguments in commands:
        for more in ([], ["--json"]):
            status = run(["--config", str(file), *arguments, *more])
            shown = "".join(capsys.readouterr())
            assert status in (0, 1, 2)
            assert "Internal error" not in shown
            assert not OBEYED.search(shown), arguments
            seen += "forged" in shown or text in shown
    assert seen > 8


def _problem(text: str):
    from aftersend.vocabulary import Problem

    return Problem(item=0, reason=text, raw=text.encode())


# -- pages -----------------------------------------------------------------------------------------------------


class Parts(HTMLParser):
    """The scripts of a page, and what its elements carry."""

    def __init__(self) -> None:
        super().__init__()
        self.attributes: list[tuple[str, str]] = []
        self.scripts: list[str] = []
        self._within = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.attributes += [(f"{tag} {name}", value or "") for name, value in attributes]
        self._within = tag == "script"

    def handle_endtag(self, tag: str) -> None:
        self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self.scripts.append(data)


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_runs_its_own_script_and_no_other(world, path):
    answer = world.client.get(path)
    parts = Parts()
    parts.feed(answer.text)
    rules = dict(rule.split(" ", 1) for rule in answer.headers["Content-Security-Policy"].split("; "))
    digests = [base64.b64encode(sha256(script.encode()).digest()).decode() for script in parts.scripts]
    assert len(digests) == 1
    assert rules == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "script-src": f"'sha256-{digests[0]}'",
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    # Nothing would be run that isn't that script, and nothing comes from elsewhere.
    assert [one for one in parts.attributes if re.search(r" on\w+$", one[0]) or "javascript:" in one[1].lower()] == []
    assert [
        one for one in parts.attributes if one[0].endswith(" src") or "://" in one[1].replace("http://www.w3.org/", "")
    ] == []


@pytest.mark.parametrize("path", ["/", "/docs"])
def test_a_page_makes_no_markup_of_what_it_is_told(world, path):
    page = world.client.get(path).text
    for way in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function", "srcdoc"):
        assert way not in page
    assert "textContent" in page
    assert "localStorage" not in page


def test_pages_hold_no_data(world):
    before = [world.client.get(path).data for path in ("/", "/docs", "/openapi.json")]
    told_everywhere(world, "<script>alert(1)</script>")
    assert [world.client.get(path).data for path in ("/", "/docs", "/openapi.json")] == before


def test_what_has_markup_in_it_is_never_answered_as_html(world):
    evil = "<script>alert(1)</script>"
    told_everywhere(world, evil)
    headers = {**world.admin, "Authorization": "Bearer the-admin-key", "Accept": "text/html"}
    for one in READING:
        for query in ({}, {"source": evil}, {evil: evil}):
            given = {name: evil.replace("/", "") for name in one.names("path")} if query else {}
            answer = world.client.get(one.path(**given), query_string=one.query() | query, headers=headers)
            assert "html" not in answer.content_type
    for path in (f"/{evil}", f"/webhooks/{evil}", f"/webhooks/acme/{evil}"):
        assert "html" not in world.client.get(path, headers=headers).content_type

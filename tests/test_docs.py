"""The documentation against the code: what exists is documented, and what is documented exists."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from flask import Flask

from aftersend.console import cli
from aftersend.providers import PROVIDERS
from aftersend.providers.contract import Feed, Provider, Webhooks
from aftersend.providers.speaker import speaker_of
from aftersend.receiver import auth, create_app, export, metadata, v1, webhooks
from aftersend.receiver.dialects import DIALECTS
from aftersend.receiver.errors import CODES
from aftersend.receiver.metrics import METRICS
from aftersend.sandbox.faults import Fault
from aftersend.settings import LIMITS, Server, Settings, Source, load
from aftersend.storage import open_store
from aftersend.storage.sqlite.file import File
from aftersend.vocabulary import BounceClass, ConfigurationError, Kind

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
BESIDE = ("README.md", "CONTRIBUTING.md", "aftersend/storage/sqlite/README.md", "benchmarks/README.md")
PAGES = sorted([*(ROOT / name for name in BESIDE), *DOCS.rglob("*.md")])
EVERYWHERE = {"--config", "--help"}
"""Options of every command, documented once."""


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.MULTILINE | re.DOTALL)


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    found = re.findall(rf"^( *)```{language}\n(.*?)^\1```", text, flags=re.MULTILINE | re.DOTALL)
    return [block for _, block in found]


def section(page: Path, heading: str) -> str:
    """What stands under a heading, down to the next of the same or a higher level; empty where there is none."""
    text = page.read_text(encoding="utf-8")
    found = re.search(rf"^(#+) {re.escape(heading)}$", text, flags=re.MULTILINE)
    if not found:
        return ""
    rest = text[found.end() :]
    end = re.search(rf"^#{{1,{len(found[1])}}} ", rest, flags=re.MULTILINE)
    return rest[: end.start()] if end else rest


def opening(page: Path, heading: str) -> str:
    """The same, only down to the next heading of any level."""
    return re.split(r"^#+ ", section(page, heading), maxsplit=1, flags=re.MULTILINE)[0]


def table(text: str) -> list[list[str]]:
    """The cells of all table rows whose first cell is nothing but code, that code without its backticks."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return [[row[0].strip("`"), *row[1:]] for row in cells if re.fullmatch(r"`[^`]+`", row[0])]


# -- commands ------------------------------------------------------------------------------------------------


def commands(command: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, click.Command]]:
    """Every command with its whole name, groups before what is below them."""
    if path:
        yield " ".join(("aftersend", *path)), command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            below = command.get_command(context, name)
            assert below is not None
            yield from commands(below, (*path, name))


COMMANDS = dict(commands())


def options(command: click.Command) -> set[str]:
    """Every spelling of every option of a command, the help's own apart."""
    found = {name for p in command.params if isinstance(p, click.Option) for name in (*p.opts, *p.secondary_opts)}
    return {name for name in found if name.startswith("--")} - EVERYWHERE


def documented_options(text: str) -> set[str]:
    """Options at the beginning of a list's lines."""
    lines = re.findall(r"^- ((?:`--[^`]+`(?:, )?)+):", text, flags=re.MULTILINE)
    return {option for line in lines for option in re.findall(r"`(--[a-z-]+)", line)}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_documented_with_its_options_and_no_others(name):
    page = DOCS / "commands.md"
    assert section(page, name), f"docs/commands.md needs a heading '{name}'"
    shared = documented_options(opening(page, "aftersend report")) if name.startswith("aftersend report ") else set()
    told = documented_options(opening(page, name))
    if not isinstance(COMMANDS[name], click.Group):
        assert told == options(COMMANDS[name]) - shared
    assert not shared & told


def test_no_command_is_documented_that_does_not_exist():
    headings = re.findall(r"^#+ (aftersend .*)$", (DOCS / "commands.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings
    assert set(headings) == set(COMMANDS)


def test_the_options_of_every_command_are_explained_once():
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    for option in EVERYWHERE:
        assert f"`{option}" in text.split("\n## ", 1)[0]


def test_every_fault_of_the_sandbox_is_documented():
    assert [row[0] for row in table(section(DOCS / "commands.md", "aftersend sandbox"))] == list(Fault)


def command_lines(page: Path) -> list[list[str]]:
    """The calls of our command in a page's shell blocks and code spans."""
    text = page.read_text(encoding="utf-8")
    lines = [line.strip() for block in blocks(text, "sh") for line in block.splitlines()]
    lines += re.findall(r"`([^`\n]+)`", prose(text))
    calls = [line.removeprefix(".venv/bin/") for line in lines]
    return [shlex.split(call, comments=True) for call in calls if re.match(r"aftersend [a-z]+(\s|$)", call)]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_call_of_a_command_in_the_documentation_is_one_that_exists(page):
    for words in command_lines(page):
        depth = max(n for n in range(1, len(words) + 1) if n == 1 or " ".join(words[:n]) in COMMANDS)
        assert depth > 1, f"there is no command {' '.join(words)}"
        known = options(COMMANDS[" ".join(words[:depth])]) | EVERYWHERE
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, " ".join(words)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_target_of_make_in_the_documentation_exists(page):
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    text = page.read_text(encoding="utf-8")
    asked = re.findall(r"(?:^ *|`|or: )make ([a-z]+)\b", text, re.MULTILINE)
    assert set(asked) <= targets
    if page.name == "README.md" and page.parent == ROOT:
        assert {"run", "test"} <= set(asked)


# -- settings ------------------------------------------------------------------------------------------------


def default_of(cell: str) -> Any:
    """A default as a table writes it."""
    return msgspec.NODEFAULT if cell == "required" else None if cell == "unset" else tomllib.loads(f"v = {cell}")["v"]


def defaults(struct: type[msgspec.Struct]) -> dict[str, Any]:
    fields = msgspec.structs.fields(struct)
    return {f.name: f.default if f.default_factory is msgspec.NODEFAULT else f.default_factory() for f in fields}


@pytest.mark.parametrize(("heading", "struct"), [("[server]", Server), ("[[sources]]", Source)])
def test_every_setting_is_documented_with_its_default_and_a_sentence(heading, struct):
    rows = table(section(DOCS / "configuration.md", heading))
    known = {name: value for name, value in defaults(struct).items() if name != "options"}
    assert {name: default_of(default.strip("`")) for name, default, _ in rows} == known
    assert all(sentence.endswith((".", ".)")) for _, _, sentence in rows)


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda p: p.name)
def test_every_option_of_a_provider_is_documented_with_its_default_and_a_sentence(provider):
    rows = table(section(DOCS / "providers" / f"{provider.name}.md", "Options"))
    assert {name: default_of(default.strip("`")) for name, default, _ in rows} == defaults(provider.options)
    assert all(sentence.endswith(".") for _, _, sentence in rows)


def test_every_environment_variable_is_documented():
    read = re.compile(r"""\b(?:env|os\.environ)(?:\.get\(|\[)"([A-Z_]+)"|"([A-Z_]+)" in os\.environ""")
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "aftersend").rglob("*.py"))
    known = {one or other for one, other in read.findall(code)}
    known |= {p.envvar for command in COMMANDS.values() for p in command.params if isinstance(p.envvar, str)}
    assert "AFTERSEND_CONFIG" in known
    assert "AFTERSEND_SANDBOX_WEBHOOK" in known
    assert {row[0] for row in table(section(DOCS / "configuration.md", "Environment"))} == known


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_configuration_in_the_documentation_is_one_that_loads(page, tmp_path):
    for number, text in enumerate(blocks(page.read_text(encoding="utf-8"), "toml")):
        env = dict.fromkeys(re.findall(r"\$\{([A-Z_]+)\}", text), "k" * 32)
        file = tmp_path / f"{number}.toml"
        file.write_text(re.sub(r"(?m)^   ", "", text) if text.startswith("   ") else text, encoding="utf-8")
        for source in load(file, env).sources:
            provider = PROVIDERS[source.provider]
            provider.configured(source)
            assert provider.feeds(source) or provider.key_optional


# -- what the receiver answers -------------------------------------------------------------------------------


@pytest.fixture
def app(tmp_path) -> Iterator[Flask]:
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    yield create_app(Settings(), store)
    store.close()


def first_table(page: Path) -> list[list[str]]:
    return table(page.read_text(encoding="utf-8").split("\n## ", 1)[0])


def test_every_route_is_documented_and_no_other(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint != "static"]
    served = {re.sub(r"<\w+:(\w+)>", r"<\1>", rule.rule) for rule in rules} | set(webhooks.ROUTES)
    ours = {row[0] for row in first_table(DOCS / "routes.md")}
    theirs = {path for dialect in DIALECTS for path in paths_told(dialect)}
    assert ours | theirs == served
    assert not ours & theirs


def test_the_methods_of_our_routes_are_documented(app):
    told = {row[0]: set(row[1].split(", ")) for row in first_table(DOCS / "routes.md")}
    answered: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        path = re.sub(r"<\w+:(\w+)>", r"<\1>", rule.rule)
        answered[path] = answered.get(path, set()) | ((rule.methods or set()) - {"HEAD", "OPTIONS"})
    assert {path: methods for path, methods in told.items() if path in answered} == {
        path: methods for path, methods in answered.items() if path in told
    }


def test_the_scopes_that_routes_need_are_documented():
    told = {row[0]: row[2] for row in first_table(DOCS / "routes.md")}
    for route in v1.ROUTES:
        scopes = told[in_docs(route.path)].removesuffix("; POST: `admin`")
        assert scopes == ("`reports:read`" if route.scopes == (auth.REPORTS,) else "and `contacts:read`")
    assert [row[0] for row in table(section(DOCS / "routes.md", "Keys"))] == list(auth.SCOPES)


def in_docs(path: str) -> str:
    return path.replace("{", "<").replace("}", ">")


QUESTIONS = {route.path: route.question for route in v1.ROUTES} | {export.PATH: export.ExportQuestion}


@pytest.mark.parametrize("path", QUESTIONS)
def test_every_parameter_of_our_own_routes_is_documented(path):
    page = DOCS / "routes.md"
    heading = in_docs(path).replace("<", "\\<").replace(">", "\\>")
    shared = {row[0] for row in table(opening(page, "Own API"))}
    leads = re.findall(r"^- (`[^:]*):", section(page, heading), flags=re.MULTILINE)
    told = {name for lead in leads for name in re.findall(r"`([a-z_]+)`", lead)}
    assert section(page, heading)
    fields = {field.encode_name for field in msgspec.structs.fields(QUESTIONS[path])}
    assert told - shared == fields - shared
    assert shared <= fields or (told & shared) == (fields & shared)


@pytest.mark.parametrize(("path", "item"), [(path, item) for path, item, _ in metadata.ROUTES])
def test_every_field_that_can_be_told_is_documented(path, item):
    rows = table(section(DOCS / "routes.md", f"POST {path}"))
    leads = re.findall(r"^\| (`[^|]*) \|", section(DOCS / "routes.md", f"POST {path}"), flags=re.MULTILINE)
    told = [name for lead in leads for name in re.findall(r"`([a-z_]+)`", lead)]
    assert sorted(told) == sorted(field.encode_name for field in msgspec.structs.fields(item))
    assert len(rows) <= len(told)


def leads_of(dialect: Any) -> list[str]:
    """The first cells of the tables about a dialect."""
    text = section(DOCS / "dialects.md", f"Dialect of {dialect.NAME}")
    return re.findall(r"^\| (`[^|]*) \|", text, flags=re.MULTILINE)


def paths_told(dialect: Any) -> set[str]:
    return {lead.strip("`") for lead in leads_of(dialect) if lead.startswith("`/")}


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda dialect: dialect.NAME)
def test_every_path_and_parameter_of_a_dialect_is_documented(dialect):
    assert paths_told(dialect) == {in_docs(endpoint.path) for endpoint in dialect.ENDPOINTS}
    leads = [lead for lead in leads_of(dialect) if not lead.startswith("`/")]
    told = [name for lead in leads for name in re.findall(r"`([A-Za-z_]+)`", lead)]
    assert sorted(told) == sorted({name for endpoint in dialect.ENDPOINTS for name in endpoint.parameters})


def test_the_scopes_and_limits_of_the_dialects_are_documented():
    for dialect in DIALECTS:
        opening_words = opening(DOCS / "dialects.md", f"Dialect of {dialect.NAME}").split("| path |")[0]
        assert all(f"`{scope}`" in opening_words for scope in dialect.SCOPES)
    told = {row[0]: row[1].strip("`").strip('"') for row in table(section(DOCS / "configuration.md", "[limits]"))}
    assert told == {**LIMITS, **{dialect.NAME: dialect.LIMITS for dialect in DIALECTS}}


def test_every_kind_is_documented_in_its_order():
    assert [row[0] for row in table(section(DOCS / "reports.md", "Kinds"))] == list(Kind)


def test_the_documented_error_codes_are_those_that_are_answered():
    rows = re.findall(r"^\| (\d+) \| `(\w+)` \|", section(DOCS / "routes.md", "Errors"), flags=re.MULTILINE)
    assert rows
    assert all(CODES[int(status)] == code for status, code in rows)


def test_every_metric_is_documented_with_its_labels(app):
    rows = {row[0]: row for row in first_table(DOCS / "metrics.md")}
    assert list(rows) == list(METRICS)
    app.test_client().post("/webhooks/nobody")
    exposition = app.test_client().get("/metrics").get_data(as_text=True)
    types = dict(re.findall(r"^# TYPE (\w+) (\w+)$", exposition, flags=re.MULTILINE))
    for name, kind in types.items():
        if name in rows:
            assert rows[name][1] == kind
    assert rows["aftersend_webhook_requests_total"][2] == "`source`, `status`"
    assert 'aftersend_webhook_requests_total{source="-",status="404"}' in exposition


def test_every_line_of_the_log_is_explained():
    said = re.compile(r'\blog\.(?:info|warning|error|exception)\("([^"]+)"')
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "aftersend").rglob("*.py"))
    told = table(section(DOCS / "operations.md", "What is wrong, and what to do"))
    assert {row[0] for row in told} == set(said.findall(code))


# -- what it is made of --------------------------------------------------------------------------------------


def test_every_dependency_is_documented_with_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for heading, wanted in (
        ("Running", project["dependencies"]),
        ("Developing", project["optional-dependencies"]["dev"]),
    ):
        rows = table(section(DOCS / "dependencies.md", heading))
        assert [row[0] for row in rows] == sorted(re.match(r"[\w-]+", line)[0] for line in wanted)
        assert all(row[1].endswith(".") for row in rows)


def names(found: Iterable[Any], none: str = "none") -> str:
    return ", ".join(f"`{name}`" for name in found) or none


def playable(provider: Provider) -> bool:
    try:
        return bool(speaker_of(provider.name))
    except ConfigurationError:
        return False


def both_doors(provider: Provider, feeds: list[Feed]) -> str:
    if not (provider.pushes and feeds):
        return "no"
    return "yes" if any(feed.complete for feed in feeds) else "in part"


def account(provider: Provider) -> dict[str, str]:
    """What a person wants to know first."""
    feeds = provider.feeds(Source(name="x", provider=provider.name))
    return {
        "platform": f"[{provider.title}]({provider.name}.md)",
        "`provider =`": f"`{provider.name}`",
        "webhooks": "yes" if provider.pushes else "none",
        "lists": str(len(feeds)) if feeds else "none",
        "both doors": both_doors(provider, feeds),
        "times without a zone": provider.time_zone,
        "sandbox": "yes" if playable(provider) else "no",
    }


def pushed(provider: Provider, says: Webhooks) -> dict[str, str]:
    """What its webhooks are like."""
    return {
        "platform": provider.title,
        "verified by": says.proof,
        "address": "`/webhooks/{source}`" if provider.signed else "`/webhooks/{source}/{token}`",
        "events": names(kind for kind in Kind if kind in says.kinds),
        "bounce classes": names(found for found in BounceClass if found in says.bounce_classes),
        "several in one": "yes" if says.batch else "no",
        "marks machines": "yes" if says.machines else "no",
        "external id": says.external_id or "none",
        "sends again after": str(provider.retry_status),
    }


def polled(provider: Provider, feeds: list[Feed]) -> dict[str, str]:
    """What its lists are like."""
    return {
        "platform": provider.title,
        "all that happened": names(feed.name for feed in feeds if feed.complete),
        "other": names(feed.name for feed in feeds if not feed.complete),
        "can be backfilled": names(feed.name for feed in feeds if feed.windowed),
        "read-once": names(feed.name for feed in feeds if feed.read_once),
        "only as totals": names(sorted(provider.unitemised)),
    }


def printed(rows: list[dict[str, str]]) -> str:
    lines = [list(rows[0]), ["---"] * len(rows[0]), *(list(row.values()) for row in rows)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


def test_the_matrix_of_features_is_what_the_code_says():
    everyone = PROVIDERS.values()
    lists = {p: p.feeds(Source(name="x", provider=p.name)) for p in everyone}
    wanted = "\n\n".join(
        (
            printed([account(p) for p in everyone]),
            "## Webhooks",
            printed([pushed(p, p.webhooks) for p in everyone if p.webhooks]),
            "## Lists",
            printed([polled(p, found) for p, found in lists.items() if found]),
        )
    )
    assert wanted in (DOCS / "providers" / "README.md").read_text(encoding="utf-8"), f"it should be\n{wanted}"


@pytest.mark.parametrize("provider", PROVIDERS.values(), ids=lambda p: p.name)
def test_every_feed_of_a_provider_is_documented(provider):
    told = {row[0] for row in table(section(DOCS / "providers" / f"{provider.name}.md", "Feeds"))}
    assert {feed.name for feed in provider.feeds(Source(name="x", provider=provider.name))} <= told


def test_every_table_and_index_of_the_store_is_documented(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/store.db")
    store.migrate()
    store.close()
    text = (ROOT / "aftersend/storage/sqlite/README.md").read_text(encoding="utf-8")
    for name in ("store.inbox.db", "store.db"):
        file = File(tmp_path / name, cache_mb=1)
        with file.read() as c:
            found = c.execute("SELECT type, name FROM sqlite_master ORDER BY name").fetchall()
        ours = [(kind, title) for kind, title in found if "sqlite" not in title]
        assert ours
        for kind, title in ours:
            mark = f"| `{title}` |" if kind == "table" else f"`{title}` ("
            assert mark in text, f"the store's README lacks {kind} {title}"


# -- links ---------------------------------------------------------------------------------------------------


def anchors(page: Path) -> set[str]:
    """The headings of a page as GitHub links to them."""
    headings = re.findall(r"^#+ (.*)$", prose(page.read_text(encoding="utf-8")), flags=re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page.read_text(encoding="utf-8"))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        found = (page.parent / path).resolve() if path else page
        assert found.exists(), f"{target} leads nowhere"
        if anchor:
            assert anchor in anchors(found), f"{target} has no such heading"


def test_every_page_is_reached_from_the_readme():
    reached, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in reached:
            continue
        reached.add(page)
        for target in re.findall(r"\]\(([^)\s#]+\.md)[^)]*\)", page.read_text(encoding="utf-8")):
            waiting.append((page.parent / target).resolve())
    assert set(PAGES) <= reached


def test_pages_that_the_code_names_exist():
    for path in (ROOT / "aftersend").rglob("*.py"):
        for named in re.findall(r"\bdocs/[\w/-]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / named).exists(), f"{path.name} names {named}"

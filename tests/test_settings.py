"""The configuration: defaults, the environment, and a sentence for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from aftersend.settings import DEMO, Server, Settings, Source, Window, duration, load, size, windows
from aftersend.vocabulary import ConfigurationError


@pytest.fixture(autouse=True)
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def configured(text: str, **env: str) -> Settings:
    Path("aftersend.toml").write_text(text, encoding="utf-8")
    return load(env=env)


ACME = '[[sources]]\nname = "acme"\nprovider = "inwise"\n'


def test_without_a_file_everything_has_its_default():
    settings = load(env={})
    assert (settings.server, settings.sources, settings.path, settings.admin_key) == (Server(), [], "", "")
    assert (settings.server.host, settings.server.port, settings.server.url) == (
        "127.0.0.1",
        8000,
        "http://127.0.0.1:8000",
    )
    assert settings.server.max_body_bytes == 10_000_000
    assert settings.data_dir == Path("data")
    assert settings.limits == {}


def test_the_example_of_the_interfaces_is_understood():
    settings = configured(
        """
        [server]
        listen = "127.0.0.1:8000"
        database = "sqlite:///data/aftersend.db"
        redis = "redis://127.0.0.1:6379/0"
        max_body = "10MB"
        keep_raw_days = 30

        [[sources]]
        name = "acme"
        provider = "inwise"
        time_zone = "Asia/Jerusalem"
        base_url = "http://127.0.0.1:9000/rest/v1"
        api_key = "${INWISE_API_KEY}"
        webhook_secrets = ["${INWISE_TOKEN}", "…"]
        feeds = ["recentActivities", "activities"]
        poll_every = "5m"
        page_size_param = "rows"
        """,
        INWISE_API_KEY="key",
        INWISE_TOKEN="token",
    )
    assert settings.source("acme") == Source(
        name="acme",
        provider="inwise",
        time_zone="Asia/Jerusalem",
        base_url="http://127.0.0.1:9000/rest/v1",
        api_key="key",
        webhook_secrets=["token", "…"],
        feeds=["recentActivities", "activities"],
        poll_every="5m",
        options={"page_size_param": "rows"},
    )
    assert settings.server.redis == "redis://127.0.0.1:6379/0"


def test_the_environment_wins():
    settings = configured(
        '[server]\nlisten = "127.0.0.1:1"\n',
        PORT="9001",
        HOST="0.0.0.0",
        DATABASE_URL="sqlite:////var/lib/a.db",
        REDIS_URL="redis://192.0.2.1/0",
        AFTERSEND_ADMIN_KEY="first",
    )
    assert settings.server.listen == "0.0.0.0:9001"
    assert (settings.server.database, settings.server.redis) == ("sqlite:////var/lib/a.db", "redis://192.0.2.1/0")
    assert settings.data_dir == Path("/var/lib")
    assert settings.admin_key == "first"
    assert load(env={"HOST": "::1"}).server.listen == "[::1]:1"


def test_the_demos_configuration_is_found_where_there_is_no_other():
    DEMO.parent.mkdir(parents=True)
    DEMO.write_text(ACME)
    assert [source.name for source in load(env={}).sources] == ["acme"]
    configured(ACME.replace("acme", "mine"))
    assert [source.name for source in load(env={}).sources] == ["mine"]


def test_a_named_file_must_exist(directory: Path):
    other = directory / "other.toml"
    with pytest.raises(ConfigurationError, match="no configuration file"):
        load(other, env={})
    with pytest.raises(ConfigurationError, match="no configuration file"):
        load(env={"AFTERSEND_CONFIG": str(other)})
    other.write_text(ACME)
    assert load(env={"AFTERSEND_CONFIG": str(other)}).path == str(other)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[server", "not valid TOML"),
        ("[servers]\n", r"unknown table \[servers\]"),
        ("[server]\nport = 1\n", "server: Object contains unknown field `port`"),
        ('[server]\nlisten = "127.0.0.1"\n', "port between 1 and 65535"),
        ('[server]\nmax_body = "many"\n', "server.max_body"),
        ('[server]\nmax_headers = "1KB"\n', "server.max_headers = '1KB' must be 8192 bytes or more"),
        ('[server]\nbody_timeout = "soon"\n', "server.body_timeout = 'soon' is not a duration"),
        ('[server]\nheader_timeout = "0s"\n', "server.header_timeout must be longer than nothing"),
        ("[server]\nweb_waiting = 0\n", "server.web_waiting must be 1 or more"),
        ('[server]\nweb_workers = "two"\n', "server: Expected `int`"),
        ('sources = ["acme"]\n', r"\[\[sources\]\]"),
        ('[sources]\nname = "acme"\n', r"\[\[sources\]\]"),
        ("limits = 5\n", "limits: Expected `object`"),
        ("[limits]\nv1 = 5\n", "limits: Expected `str`"),
        ('[limits]\nv1 = "often"\n', r"limits\.v1 = 'often' is not a limit; write 100/minute"),
        ('[limits]\nv1 = "${NO_SUCH}"\n', r"limits\.v1 needs the environment variable NO_SUCH"),
        ("[[sources]]\n", r"sources\[1\]: Object missing required field `name`"),
        (ACME.replace("acme", "Acme!"), r"sources\[1\].name"),
        (ACME + ACME, "Two sources are named 'acme'"),
        (ACME + 'poll_every = "often"\n', "poll_every of source acme"),
        (ACME + "max_rate = 0\n", r"sources\[1\].max_rate"),
        (ACME + 'base_url = "http://[::1"\n', r"sources\[1\].base_url"),
        (ACME + 'api_key = "${NO_SUCH}"\n', r"sources\[1\].api_key needs the environment variable NO_SUCH"),
    ],
)
def test_every_mistake_gets_a_sentence_that_names_it(text: str, says: str):
    with pytest.raises(ConfigurationError, match=says):
        configured(text)


def test_an_unknown_source_names_those_that_exist():
    with pytest.raises(ConfigurationError, match="no source 'x'; configured: acme"):
        configured(ACME).source("x")


def test_one_request_a_second_but_for_an_api_on_this_machine():
    assert Source(name="a", provider="p").requests_per_second == 1
    assert Source(name="a", provider="p", base_url="https://api.example.com").requests_per_second == 1
    assert Source(name="a", provider="p", base_url="http://127.0.0.1:9/v1").requests_per_second == 10_000
    assert Source(name="a", provider="p", base_url="http://localhost:9", max_rate=2.5).requests_per_second == 2.5


@pytest.mark.parametrize(("text", "ms"), [("2s", 2000), ("5m", 300_000), ("1h", 3_600_000), ("7d", 604_800_000)])
def test_durations(text: str, ms: int):
    assert duration(text, "x") == ms


@pytest.mark.parametrize(("text", "n"), [("10MB", 10_000_000), ("500 kb", 500_000), ("12", 12)])
def test_sizes(text: str, n: int):
    assert size(text, "x") == n


def test_limits_are_texts_by_the_name_of_what_is_limited():
    settings = configured('[limits]\nv1 = "off"\nshop = "${MANY}/hour"\n', MANY="500")
    assert settings.limits == {"v1": "off", "shop": "500/hour"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("off", ()),
        (" off ", ()),
        ("100/minute", (Window(100, "minute"),)),
        ("1/second", (Window(1, "second"),)),
        ("10000/day; 4 / second", (Window(4, "second"), Window(10_000, "day"))),
        ("1000/hour;100/minute", (Window(100, "minute"), Window(1000, "hour"))),
        ("999999999/day", (Window(999_999_999, "day"),)),
    ],
)
def test_a_limit_is_windows_the_shortest_first(text: str, found: tuple[Window, ...]):
    assert windows(text, "x") == found


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "none", "Off", "100", "/minute", "0/minute", "-1/minute", "1.5/minute", "1/week", "1/minutes"),
        *("1/MINUTE", "100/minute;", ";100/minute", "100/minute;off", "100/minute;200/minute", "100 minute"),
        *("1000000000/minute", "٣/minute", "1/minute\x00", "😀/minute"),
    ],
)
def test_what_is_no_limit_is_named(text: str):
    with pytest.raises(ConfigurationError, match=r"^limits\.v1 = .* is not a limit; write 100/minute, "):
        windows(text, "limits.v1")

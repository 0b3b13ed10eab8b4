"""Where we are made to ask: links of feeds, certificates and confirmations lead nowhere but to the platform."""

from __future__ import annotations

import netrc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftersend import providers
from aftersend.providers.amazon_ses import hosts as amazon
from aftersend.providers.contract import Ask
from aftersend.providers.scaleway_tem import hosts as scaleway
from aftersend.receiver.confirming import visit
from aftersend.settings import Server, Settings, Source
from aftersend.storage import open_store
from aftersend.worker.client import Client
from aftersend.worker.failures import Unexpected
from tests.fakes import Asked, FakePlatform, Said
from tests.worker.platform import KEY, FakeProvider


class Bait(FakePlatform):
    """A host that nobody should ever ask."""

    def answer(self, asked: Asked) -> Said:
        return Said(body={})


class Redirecting(FakePlatform):
    """Sends everybody somewhere else."""

    to = ""

    def answer(self, asked: Asked) -> Said:
        return Said(status=302, headers={"Location": self.to})


@pytest.fixture
def bait():
    with Bait() as running:
        yield running


@pytest.fixture
def platform():
    with Bait() as running:
        yield running


@pytest.fixture
def client(tmp_path, monkeypatch, platform):
    monkeypatch.setitem(providers.PROVIDERS, "fake", FakeProvider())
    source = Source(name="acme", provider="fake", base_url=f"{platform.url}/api", api_key=KEY, max_rate=10_000)
    settings = Settings(server=Server(database=f"sqlite:///{tmp_path}/store.db"), sources=[source])
    store = open_store(settings.server.database)
    store.migrate()
    made = Client(store, source)
    yield made
    made.close()
    store.close()


def foreign(here: str, there: str) -> list[str]:
    """Links to ``there`` as somebody would write them who wants them taken for ``here``; both are host:port."""
    port = there.partition(":")[2]
    return [
        *(f"http://{there}/x", f"HTTP://{there}/x", f"//{there}/x", f"///{there}/x", f"http:///{there}/x"),
        *(f"http://{here}@{there}/x", f"http://{here}:80@{there}/x", f"http://user:password@{there}/x"),
        *(f"http://{here}#@{there}/x", f"http://{there}#{here}/x", f"http://{there}?{here}/x"),
        *(f"http://{there}\\@{here}/x", f"http://{here}\\@{there}/x", f"\\\\{there}/x", f"/\\{there}/x"),
        *(f"http://{here}.{there}/x", f"http://{here}%2e{there}/x", f"http://{here}%00.{there}/x"),
        *(f"http://2130706433:{port}/x", f"http://0x7f000001:{port}/x", f"http://017700000001:{port}/x"),
        *(f"http://127.1:{port}/x", f"http://[::1]:{port}/x", f"http://[::ffff:127.0.0.1]:{port}/x"),
        *(f"http://①②⑦.0.0.1:{port}/x", f"http://localhost:{port}/x", f"http://0:{port}/x"),
        *(f"https://{here}/x", f"ftp://{here}/x", "file:///etc/passwd", "data:,x", f"gopher://{there}/x"),
        *(f"ht\ntp://{there}/x", f"\thttp://{there}/x", f"http://{there}\r\n/x", f"http:/\t/{there}/x"),
    ]


def host(fake: FakePlatform) -> str:
    return fake.url.partition("//")[2]


def test_a_link_is_followed_to_the_configured_host_and_to_no_other_however_it_is_written(client, platform, bait):
    for link in foreign(host(platform), host(bait)):
        try:
            client.get(Ask(path=link))
        except Unexpected:
            continue
    assert bait.asked == []
    # What was asked all the same was asked of the platform itself, and links of its own are followed.
    platform.asked.clear()
    for own in (f"{platform.url}/api/next?page=2", "/api/next?page=2", "next?page=2"):
        client.get(Ask(path=own))
    assert [(asked.path, asked.query) for asked in platform.asked] == [("/api/next", {"page": "2"})] * 3


@given(link=st.text(st.sampled_from("htps:/\\@.?#[]%0127\t\r\n xA:"), max_size=30))
def test_any_link_at_all_goes_to_the_configured_host_or_nowhere(link):
    """By what the client itself would ask, without asking it."""
    from urllib3.util import parse_url

    made = Client.__new__(Client)
    made.base, made.source = "http://platform.test:8080/api", Source(name="acme", provider="fake")
    made.provider = FakeProvider()
    try:
        url = made._url(Ask(path=link))
        found = parse_url(url)
    except (Unexpected, ValueError):
        return
    assert (found.scheme, found.auth, found.host, found.port) == ("http", None, "platform.test", 8080)


def test_a_redirect_takes_neither_us_nor_our_key_anywhere(tmp_path, monkeypatch, bait):
    monkeypatch.setitem(providers.PROVIDERS, "fake", FakeProvider())
    with Redirecting() as platform:
        platform.to = f"{bait.url}/x"
        source = Source(name="acme", provider="fake", base_url=platform.url, api_key=KEY, max_rate=10_000)
        store = open_store(f"sqlite:///{tmp_path}/store.db")
        store.migrate()
        client = Client(store, source)
        with pytest.raises(Unexpected, match="redirect"):
            client.get(Ask(path="x"))
        client.close()
        store.close()
    assert bait.asked == []


AMAZON = "arn:aws:sns:eu-west-1:123456789012:ses-events"
PEM = "SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
SIGNS = f"https://sns.eu-west-1.amazonaws.com/{PEM}"
QUERY = f"Action=ConfirmSubscription&TopicArn={AMAZON}&Token=2336412f37"
CONFIRMS = f"https://sns.eu-west-1.amazonaws.com/?{QUERY}"
LIKE_AMAZON = [
    "http://sns.eu-west-1.amazonaws.com/{}",
    "https://sns.eu-west-1.amazonaws.com:8443/{}",
    "https://sns.eu-west-1.amazonaws.com.evil.example/{}",
    "https://evil.example/sns.eu-west-1.amazonaws.com/{}",
    "https://evil.example#sns.eu-west-1.amazonaws.com/{}",
    "https://evil.example?sns.eu-west-1.amazonaws.com/{}",
    "https://user@sns.eu-west-1.amazonaws.com/{}",
    "https://sns.eu-west-1.amazonaws.com@evil.example/{}",
    "https://sns.eu-west-1.amazonaws.com\\@evil.example/{}",
    "https://sns.eu-west-1.amazonaws.com%2f@evil.example/{}",
    "https://evilsns.eu-west-1.amazonaws.com/{}",
    "https://s3.amazonaws.com/bucket/{}",
    "https://sns-eu-west-1.amazonaws.com/{}",
    "https://sns.eu-west-1.amazonaws.com/../{}",
    "https://sns.eu-west-1.amazonaws.com\n.evil.example/{}",
    "https://[::1]/{}",
    "https://2130706433/{}",
    "//sns.eu-west-1.amazonaws.com/{}",
    "https:sns.eu-west-1.amazonaws.com/{}",
    "file:///{}",
    "",
]


def test_certificates_and_confirmations_of_amazon_lie_at_amazon():
    assert amazon.signs_at(SIGNS, AMAZON)
    assert amazon.confirms_at(CONFIRMS, AMAZON)
    assert [one for one in LIKE_AMAZON if amazon.signs_at(one.format(PEM), AMAZON)] == []
    assert [one for one in LIKE_AMAZON if amazon.confirms_at(one.format(f"?{QUERY}"), AMAZON)] == []


SCALEWAY = "arn:scw:sns:fr-par:project-11111111-2222-4333-8444-555555555555:tem-events"


def test_certificates_of_scaleway_lie_at_scaleway():
    assert scaleway.signs_at("https://messaging.s3.fr-par.scw.cloud/fr-par/sns/leaf.pem", SCALEWAY)
    for like in (
        *("http://messaging.s3.fr-par.scw.cloud/leaf.pem", "https://scw.cloud.evil.example/leaf.pem"),
        *("https://evil.example/x.scw.cloud/leaf.pem", "https://u@messaging.s3.fr-par.scw.cloud/leaf.pem"),
        *("https://messaging.s3.fr-par.scw.cloud:8443/leaf.pem", "https://evilscw.cloud/leaf.pem"),
        *("https://messaging.s3.fr-par.scw.cloud@evil.example/leaf.pem", "https://a.scw.cloud/../leaf.pem"),
        *("https://a.scw.cloud\\@evil.example/leaf.pem", "https://a.scw.cloud/leaf.pem?x", "https://a.scw.cloud/l.txt"),
    ):
        assert not scaleway.signs_at(like, SCALEWAY), like


def test_a_confirmation_carries_no_password_that_lies_about_for_other_programs(monkeypatch, tmp_path, platform):
    password = "the-password-of-everything"
    file = tmp_path / "netrc"
    file.write_text(f"default login somebody password {password}\n")
    file.chmod(0o600)
    monkeypatch.setenv("NETRC", str(file))
    assert netrc.netrc(file).authenticators("127.0.0.1") == ("somebody", "", password)
    visit(f"{platform.url}/confirm")
    (asked,) = platform.asked
    assert "authorization" not in asked.headers


def test_nothing_else_of_ours_opens_an_address_that_was_told():
    """Where a request is made at all: whoever adds a place adds its test."""
    root = Path(providers.__file__).parents[1]
    found = {
        str(path.relative_to(root))
        for path in root.rglob("*.py")
        if any(word in path.read_text() for word in ("requests.get(", ".post(", "._session.", ".request(", "urlopen("))
    }
    assert found == {
        "providers/sns.py",  # certificates
        "receiver/confirming.py",
        "sandbox/pusher.py",  # to an address of the command line
        "worker/client.py",
        "worker/connecting.py",  # to an address of the configuration
    }

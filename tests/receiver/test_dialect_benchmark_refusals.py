"""What Benchmark Email's v1 refuses, in its words and in its order: 401, 403, 429, 400, 404."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from reading_world import World, event

from aftersend.receiver import create_app
from aftersend.receiver.auth import digest
from aftersend.settings import Settings
from aftersend.storage.contract import Read
from aftersend.vocabulary import CampaignInfo, Delivery, Door, Kind, Reading, now

DAY = 86_400_000
DASHBOARD, OVERALL = "/api/reports/dashboard", "/api/reports/email/overall"
HISTOGRAM, REPORT, LIST = f"{OVERALL}/histogram", "/api/reports/email", "/api/email/campaign"
ENGAGEMENT = f"{REPORT}/1000001/engagement"
RIGHT = {
    DASHBOARD: "pastDays=7",
    OVERALL: "pastDays=7",
    HISTOGRAM: "pastDays=7&eventType=email-sent",
    f"{REPORT}/1000001": "",
    ENGAGEMENT: "",
    LIST: "",
    f"{LIST}/1000001": "",
}
"""Every path, with what must be asked."""
NONSENSE = ("", "%20", "abc", "7.5", "-7", "%2B7", "7%00", "%00", "%F0%9F%93%AC", "٧", "0x7", "1e1", "null", "7,8")


@pytest.fixture
def world(tmp_path):
    world = World(tmp_path)
    world.tell(event(Kind.SENT, now() - DAY), event(Kind.OPENED, now() - DAY))
    return world


def refusal(world: World, path: str, headers: dict[str, str] | None = None) -> tuple[int, dict]:
    """Status and the one error of an answer, whose body has nothing else."""
    answer = world.client.get(path, headers=world.admin if headers is None else headers)
    assert answer.content_type == "application/json; charset=utf-8"
    assert list(answer.json) == ["errors"], answer.text
    (error,) = answer.json["errors"]
    return answer.status_code, error


def invalid(message: str, field: str) -> tuple[int, dict]:
    return 400, {"errorType": "ValidationError", "message": message, "field": field}


DAYS = invalid("pastDays must be between 1 and 90", "pastDays")
ZONE = invalid("timezone must be an IANA time zone, as America/New_York", "timezone")
TYPE = invalid(
    "eventType must be one of email-sent, email-delivered, email-bounced, first-contact-unsubscribed, "
    "first-email-complaint, first-email-opened, first-email-clicked",
    "eventType",
)
PERIOD = invalid("period must be one of 24hours, week, month", "period")
NO_CAMPAIGN = (404, {"errorType": "RecordNotFound", "message": "Campaign not found"})
NO_SOURCE = (404, {"errorType": "RecordNotFound", "message": "Source not found"})
NO_KEY = (401, {"errorType": "UnauthorizedError", "message": "Invalid API key"})


# -- parameters ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [DASHBOARD, OVERALL, HISTOGRAM])
def test_past_days_must_be_given_as_a_whole_number_from_1_to_90(world, path):
    rest = "eventType=email-sent"
    assert refusal(world, f"{path}?{rest}") == DAYS
    for value in (*NONSENSE, "0", "91", "00", "9" * 5000, "0" * 30 + "791"):
        assert refusal(world, f"{path}?{rest}&pastDays={value}") == DAYS, value
    assert refusal(world, f"{path}?{rest}&pastDays=7&pastDays=7") == invalid("pastDays must be given once", "pastDays")
    for value in ("1", "90", "007", "0" * 5000 + "90"):
        assert world.client.get(f"{path}?{rest}&pastDays={value}", headers=world.admin).status_code == 200


@pytest.mark.parametrize("path", [DASHBOARD, OVERALL, HISTOGRAM, ENGAGEMENT])
def test_a_time_zone_must_be_one_that_exists(world, path):
    query = RIGHT[path]
    for value in (*NONSENSE, "Mars/Olympus", "America", "../UTC", "/etc/localtime", "+02:00", "A" * 5000):
        assert refusal(world, f"{path}?{query}&timezone={value}") == ZONE, value
    twice = refusal(world, f"{path}?{query}&timezone=UTC&timezone=UTC")
    assert twice == invalid("timezone must be given once", "timezone")
    for value in ("America/La_Paz", "Asia/Kathmandu", "UTC"):
        assert world.client.get(f"{path}?{query}&timezone={value}", headers=world.admin).status_code == 200


def test_an_event_type_must_be_one_of_the_seven(world):
    assert refusal(world, f"{HISTOGRAM}?pastDays=7") == TYPE
    for value in (*NONSENSE, "email-opened", "EMAIL-SENT", "email-sent,email-bounced"):
        assert refusal(world, f"{HISTOGRAM}?pastDays=7&eventType={value}") == TYPE, value


def test_a_period_must_be_one_of_the_three(world):
    for value in (*NONSENSE, "24Hours", "day", "weeks"):
        assert refusal(world, f"{ENGAGEMENT}?period={value}") == PERIOD, value
    assert refusal(world, f"{ENGAGEMENT}?period=week&period=week") == invalid("period must be given once", "period")


def test_the_lists_parameters_are_refused_by_name(world):
    statuses = "statuses must be one of scheduled, sent, draft, sending, paused, failed, cancelled"
    for value in (*NONSENSE, "0"):
        assert refusal(world, f"{LIST}?page={value}") == invalid("page must be at least 1", "page"), value
        assert refusal(world, f"{LIST}?size={value}") == invalid("size must be between 1 and 100", "size"), value
        assert refusal(world, f"{LIST}?statuses={value}") == invalid(statuses, "statuses"), value
        assert refusal(world, f"{LIST}?sort={value}")[1]["field"] == "sort", value
    assert refusal(world, f"{LIST}?size=101") == invalid("size must be between 1 and 100", "size")
    assert refusal(world, f"{LIST}?statuses=sent,draft") == invalid(statuses, "statuses")
    for value in ("name", "name:", "name:up", "subject:asc", "name:ASC"):
        assert refusal(world, f"{LIST}?sort={value}")[1]["field"] == "sort", value
    long = invalid("criteria must have at most 50 characters", "criteria")
    assert refusal(world, f"{LIST}?criteria={'x' * 51}") == long
    for name in ("page", "size", "statuses", "sort", "criteria"):
        assert refusal(world, f"{LIST}?{name}=1&{name}=1") == invalid(f"{name} must be given once", name)
    for value in ("x" * 50, "%00", "%25", "%F0%9F%93%AC"):
        assert world.get(LIST + f"?criteria={value}") == {"total": 0, "records": []}


def test_parameters_that_the_platform_does_not_know_are_not_looked_at(world):
    for path, query in RIGHT.items():
        plain = world.client.get(f"{path}?{query}", headers=world.admin)
        more = world.client.get(f"{path}?{query}&pageSize=x&foo=%00&foo=%F0%9F%93%AC", headers=world.admin)
        assert (plain.status_code, plain.text) == (200, more.text)
    plain = world.client.get(f"{REPORT}/1000001", headers=world.admin)
    assert world.client.get(f"{REPORT}/1000001?period=x&timezone=x", headers=world.admin).text == plain.text


# -- keys and scopes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("path", RIGHT)
def test_a_key_is_needed_in_the_platforms_own_header(world, path):
    for headers in ({}, {"X-API-Key": ""}, {"X-API-Key": "nope"}, {"Authorization": "Bearer the-admin-key"}):
        assert refusal(world, path, {"Accept": "*/*", **headers}) == NO_KEY
    revoked = world.key("reports:read")
    assert world.client.get(f"{path}?{RIGHT[path]}", headers=revoked).status_code == 200
    world.store.revoke_key(world.store.key(digest(revoked["X-API-Key"])).id, now())
    assert refusal(world, path, revoked) == NO_KEY
    expired = world.key("reports:read", expires_at=now() - 1)
    assert refusal(world, path, expired) == (401, {"errorType": "UnauthorizedError", "message": "API key expired"})


@pytest.mark.parametrize("path", RIGHT)
def test_a_key_without_the_scope_is_told_the_platforms_name_of_it(world, path):
    scope = "campaigns:read" if path.startswith(LIST) else "reports:read"
    message = f"API key missing required scope: {scope}"
    refused = refusal(world, f"{path}?pastDays=x&source=nope", world.key("contacts:read"))
    assert refused == (403, {"errorType": "ForbiddenError", "message": message})


def test_aggregates_need_no_more_than_reports_read(world):
    for path, query in RIGHT.items():
        assert world.client.get(f"{path}?{query}", headers=world.key("reports:read")).status_code == 200


# -- sources -------------------------------------------------------------------------------------------


def test_a_key_limited_to_a_source_does_not_learn_of_another(world):
    other = world.key("reports:read", sources=("beta",))
    for path, query in RIGHT.items():
        for source in ("acme", "nope", "", "%00", "%F0%9F%93%AC"):
            assert refusal(world, f"{path}?{query}&source={source}", other) == NO_SOURCE
    assert refusal(world, f"{REPORT}/1000001", other) == NO_CAMPAIGN
    assert refusal(world, ENGAGEMENT, other) == NO_CAMPAIGN
    assert refusal(world, f"{LIST}/1000001", other) == NO_CAMPAIGN
    assert world.get(LIST, other) == {"total": 0, "records": []}
    dashboard = world.get(DASHBOARD, other, pastDays=7)
    assert (dashboard["campaign"]["sent"]["count"], dashboard["contact"]["count"]["value"]) == (0, 0)
    assert world.get(OVERALL, other, pastDays=7)["campaignComparison"] == []
    nothing = world.get(HISTOGRAM, other, pastDays=7, eventType="email-sent")
    assert nothing["peak"]["total"] == 0


def test_a_source_given_twice_is_refused_by_name(world):
    for path, query in RIGHT.items():
        twice = f"{path}?{query}&source=acme&source=acme"
        assert refusal(world, twice) == invalid("source must be given once", "source")


def test_a_bad_parameter_is_told_before_what_is_not_found(world):
    assert refusal(world, f"{REPORT}/nope/engagement?period=x") == PERIOD
    assert refusal(world, f"{REPORT}/nope/engagement?timezone=x&source=nope") == ZONE
    assert refusal(world, f"{DASHBOARD}?source=nope") == DAYS
    assert refusal(world, f"{REPORT}/nope/engagement") == NO_CAMPAIGN


# -- ids and addresses ---------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a/b", "a//b", "50%", "a+b c", "%2F", "ünï📬", "0", "-1", "null", "x" * 900, "b/"])
def test_any_text_may_be_a_campaigns_id(world, name):
    path = quote(name, safe="")
    for below in (f"{REPORT}/{path}", f"{REPORT}/{path}/engagement", f"{LIST}/{path}"):
        assert refusal(world, below) == NO_CAMPAIGN
    world.tell(event(Kind.SENT, now() - DAY, "7", name), event(Kind.OPENED, now() - DAY, "7", name))
    assert world.get(f"{REPORT}/{path}")["stats"]["sent"] == 1
    assert world.get(f"{REPORT}/{path}/engagement")["peak"]["total"] == 1
    assert world.get(f"{LIST}/{path}")["_id"] == name


@pytest.mark.parametrize("name", ["%00", "1000001%00", "66f1a6e4698f1bca60426002", "1000001%20", "9" * 5000])
def test_an_id_that_nothing_names_is_not_found(world, name):
    for below in (f"{REPORT}/{name}", f"{REPORT}/{name}/engagement", f"{LIST}/{name}"):
        assert refusal(world, below) == NO_CAMPAIGN


def test_what_is_at_no_address_or_not_asked_with_get_is_refused_in_the_platforms_form(world):
    for path in ("/api/reports", "/api/reports/", "/api/reports/nope", "/api/email", "/api/email/x", f"{REPORT}/"):
        status, error = refusal(world, path)
        assert (status, error["errorType"]) == (404, "RecordNotFound")
    answer = world.client.post(DASHBOARD, headers=world.admin)
    assert (answer.status_code, answer.json["errors"][0]["errorType"]) == (405, "MethodNotAllowedError")
    assert world.client.get("/api/public", headers=world.admin).json.keys() == {"error"}


def test_a_campaign_that_another_source_is_told_of_is_known_to_that_one_alone(world):
    delivery = Delivery(id=9, source="beta", door=Door.FEED, received_at=now(), body=b"{}", feed="campaigns")
    world.store.apply([Read(delivery, Reading(campaigns=[CampaignInfo(campaign_id="b", name="B")]))])
    assert world.get(f"{REPORT}/b?source=beta")["stats"]["sent"] == 0
    assert refusal(world, f"{REPORT}/b?source=acme") == NO_CAMPAIGN


# -- limits --------------------------------------------------------------------------------------------


def test_every_answer_tells_what_is_left_of_the_hour(world):
    key = world.key("reports:read")
    for n, (path, query) in enumerate(RIGHT.items(), 1):
        answer = world.client.get(f"{path}?{query}", headers=key)
        assert (answer.status_code, answer.headers["X-RateLimit-Limit"]) == (200, "3600")
        assert answer.headers["X-RateLimit-Remaining"] == str(3600 - n)
        assert now() / 1000 < int(answer.headers["X-RateLimit-Reset"]) <= now() / 1000 + 3601
        assert "X-Monthly-Limit" not in answer.headers
        assert "Retry-After" not in answer.headers


def test_who_asks_too_often_is_told_when_to_come_back(world):
    settings = Settings(server=world.settings.server, sources=world.settings.sources, limits={"benchmark": "2/hour"})
    client = create_app(settings, world.store).test_client()
    key, other = world.key("reports:read"), world.key("reports:read")
    # The list and the reports are one pool; a call that can't be understood counts too.
    assert client.get(LIST, headers=key).status_code == 200
    assert client.get(DASHBOARD, headers=key).status_code == 400
    answer = client.get(DASHBOARD, headers=key)
    seconds = answer.headers["Retry-After"]
    assert answer.status_code == 429
    assert 3590 < int(seconds) <= 3600
    assert answer.json == {
        "errors": [
            {"errorType": "TooManyRequestsError", "message": f"Rate limit exceeded. Retry after {seconds} seconds."}
        ]
    }
    assert (answer.headers["X-RateLimit-Limit"], answer.headers["X-RateLimit-Remaining"]) == ("2", "0")
    assert 0 <= int(answer.headers["X-RateLimit-Reset"]) - now() // 1000 <= 3601
    assert client.get(LIST, headers=other).status_code == 200


def test_without_a_limit_there_are_no_headers_of_one(world):
    settings = Settings(server=world.settings.server, sources=world.settings.sources, limits={"benchmark": "off"})
    answer = create_app(settings, world.store).test_client().get(LIST, headers=world.key("reports:read"))
    assert answer.status_code == 200
    assert not [name for name in answer.headers.keys() if name.startswith("X-")]  # noqa: SIM118

"""The page at ``/`` against the API it reads: it asks nothing that isn't answered."""

from __future__ import annotations

import re

import pytest
from own_api import campaign_of_four
from reading_world import World

ASKED = {
    "/v1/sources": "",
    "/v1/dashboard": "source=acme,beta&time_zone=UTC&machine=exclude&days=30",
    "/v1/campaigns": "source=acme&time_zone=UTC&machine=exclude&page_size=10&page_index=1",
    "/v1/campaign": "source=acme&time_zone=UTC&machine=exclude&campaign_id=1000001",
    "/v1/doors": "source=acme&time_zone=UTC",
    "/v1/activities": "source=acme,beta&machine=exclude&page_size=15",
    "/v1/timeline": "source=acme&time_zone=UTC&machine=exclude&unit=hour"
    "&from=2025-03-18T00:00:00%2B00:00&to=2025-03-19T00:00:00%2B00:00",
}
"""What the page asks, with every parameter it ever gives."""


@pytest.fixture
def world(tmp_path):
    return World(tmp_path)


def test_the_page_asks_what_this_test_thinks(world):
    page = world.client.get("/").text
    assert set(re.findall(r'get\("(/[^"]*)"', page)) == {*ASKED, "/readyz"}


@pytest.mark.parametrize("path", ASKED)
def test_what_the_page_asks_is_answered(world, path):
    world.tell(*campaign_of_four())
    assert world.get(f"{path}?{ASKED[path]}")["as_of"] is None


def test_every_kind_of_figure_on_the_page_is_in_the_answers(world):
    page = world.client.get("/").text
    report = world.get("/v1/dashboard")
    kinds = set(re.findall(r'counted\("(\w+)"', page))
    assert kinds
    assert kinds <= set(report["counts"])
    assert set(re.findall(r'counted\("\w+", "(\w+)"', page)) == set(report["rates"])

"""What a user agent tells."""

from __future__ import annotations

import pytest

from aftersend.providers.agents import Agent, agent
from aftersend.vocabulary import Machine

ROBOT = Agent(None, Machine.MACHINE, "user agent of a robot")


@pytest.mark.parametrize(
    ("user_agent", "told"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/120.0 Safari/537.36", Agent("computer")),
        ("Mozilla/5.0 (X11; Linux x86_64)", Agent("computer")),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148", Agent("mobile")),
        (
            "Mozilla/5.0 (Linux; Android 13; Pixel 7) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36",
            Agent("mobile"),
        ),
        ("Mozilla/5.0 (iPad; CPU OS 16_0 like Mac OS X) AppleWebKit/605.1.15", Agent("tablet")),
        ("Mozilla/5.0 (Linux; Android 13; SM-X700) AppleWebKit/537.36 Chrome/120 Safari/537.36", Agent("tablet")),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", ROBOT),
        ("Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", Agent()),
        ("YahooMailProxy; https://help.yahoo.com/kb/yahoo-mail-proxy-SLN28749.html", Agent()),
        ("Mozilla/5.0", Agent()),
        ("\x00\ud800 nonsense", Agent()),
        ("x" * 1_000_000, Agent()),
        ("", Agent()),
        (None, Agent()),
    ],
)
def test_devices_and_robots_are_recognised(user_agent, told):
    assert agent(user_agent) == told

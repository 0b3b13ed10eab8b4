"""Who opened or clicked, as far as the name of the program tells: the library's knowledge in our words."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from aftersend.vocabulary import Machine

_PROXIES = ("googleimageproxy", "yahoomailproxy", "ggpht.com")
"""They fetch pictures when, and only when, a person opens an email, and hide that person's program."""
_LONGEST = 512
"""Characters that are looked at."""


class Agent(NamedTuple):
    """What a user agent tells."""

    device: str | None = None
    """``computer``, ``mobile`` or ``tablet``; ``None`` where it doesn't say."""
    machine: Machine = Machine.UNKNOWN
    machine_reason: str | None = None


def agent(user_agent: str | None) -> Agent:
    """What a user agent tells. A robot's is a machine's; that no robot is named proves no person."""
    return _agent(user_agent[:_LONGEST]) if user_agent else Agent()


@lru_cache(maxsize=10_000)
def _agent(user_agent: str) -> Agent:
    if any(proxy in user_agent.lower() for proxy in _PROXIES):
        return Agent()
    # Not before it is asked for: its hundreds of patterns are a tenth of a process's start, and few processes read.
    import user_agents

    found = user_agents.parse(user_agent)
    if found.is_bot:
        return Agent(machine=Machine.MACHINE, machine_reason="user agent of a robot")
    if found.is_tablet:
        return Agent("tablet")
    if found.is_mobile:
        return Agent("mobile")
    return Agent("computer" if found.is_pc else None)

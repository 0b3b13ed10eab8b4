"""Values as Mandrill writes them: Unix seconds, UTC times without a zone, answers of servers, programs that acted."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

from aftersend.providers import marks
from aftersend.providers.agents import agent
from aftersend.providers.mandrill.words import ROBOT
from aftersend.providers.values import LAST, Stamp, known, stamp, text
from aftersend.vocabulary import BadInput, BounceClass, Clock, Instant, Machine, Precision

_CODE = re.compile(r"(?:smtp;\s*)?([245]\d\d)[ -]*(?:([245]\.\d{1,3}\.\d{1,3})\b)?", re.IGNORECASE)
_LAST_SECOND = int(LAST.timestamp())


def seconds(value: Any, name: str) -> Stamp:
    """Unix seconds. Raises BadInput naming the field."""
    said = text(value)
    if said is None or not re.fullmatch(r"[0-9]{1,12}", said, re.ASCII) or int(said) > _LAST_SECOND:
        raise BadInput(f"{name} is not a time.", name)
    return Stamp(int(said) * 1000, Precision.SECOND)


def dated(value: Any, name: str) -> Stamp | None:
    """``YYYY-MM-DD HH:MM:SS``, which is UTC (Time format). Raises BadInput naming the field."""
    found = stamp(value, name)
    return found and found._replace(clock=Clock.STATED)


def written(at: Instant) -> str:
    """An instant as the API takes it: UTC, cut to seconds."""
    return datetime.fromtimestamp(at // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def smtp(diag: Any) -> tuple[str | None, str | None]:
    """The code and the enhanced code of a server's answer, which may begin with ``smtp;``."""
    found = _CODE.match(text(diag) or "")
    return (found[1], found[2]) if found else (None, None)


def bounced(said: dict[str, Any], diag: Any, otherwise: BounceClass) -> dict[str, Any]:
    """The fields of a bounce: ``diag`` is the server's answer. 5.7.x is a matter of its policy, not of the mailbox."""
    code, enhanced = smtp(diag)
    return {
        "bounce_class": BounceClass.BLOCK if (enhanced or "").startswith("5.7.") else otherwise,
        "smtp_code": code,
        "reason": text(diag) or text(said.get("bounce_description")),
    }


def acted(ip: Any, user_agent: Any, parsed: Any, location: Any) -> tuple[dict[str, Any], dict[str, str]]:
    """Fields and metadata of who opened or clicked. What Mandrill makes of the program wins over what we do."""
    program = text(user_agent)
    found, told = agent(program), parsed if isinstance(parsed, dict) else {}
    device = found.device
    if told.get("mobile") is True and device != "tablet":
        device = "mobile"
    elif told.get("mobile") is False and device == "mobile":
        device = "computer"
    machine, why = found.machine, found.machine_reason
    if text(told.get("type")) == ROBOT:
        device, machine, why = None, Machine.MACHINE, "user_agent_parsed.type is robot"
    fields = {
        "ip": text(ip),
        "user_agent": program,
        "device": device,
        "machine": machine,
        "machine_reason": why,
    }
    more = known(client=text(told.get("ua_name")), client_type=text(told.get("type")), os=text(told.get("os_name")))
    return fields, marks.flat(location, "location") | more


def digest(*parts: Any) -> str:
    """What tells something without an id from others: 32 hexadecimal digits."""
    return blake2b(repr(parts).encode("utf-8", "replace"), digest_size=16).hexdigest()

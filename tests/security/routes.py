"""Every address that the receiver answers, with something in the place of its parameters, found in its own map."""

from __future__ import annotations

from typing import Any

import msgspec
from flask import Flask

from aftersend.receiver.openapi import description

PUBLIC = ("/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics")
"""What needs no key: these hold no data of anybody."""
NEEDED = {
    "pastDays": "30",
    "eventType": "OPEN",
    "start": "2020-01-01T00:00:00Z",
    "end": "2030-01-01T00:00:00Z",
    "contact_id": "42",
}
"""What must be asked where something must."""
IN_PATHS = {
    "id": "42",
    "campaign_id": "1000001",
    "campaign_ids": "1000001",
    "campaign_activity_id": "1000001",
    "campaign_activity_ids": "1000001",
    "contact_id": "42",
    "templateKey": "1000001",
}


class Operation(msgspec.Struct, frozen=True):
    """One method of one address."""

    method: str
    template: str
    """As OpenAPI writes it."""
    parameters: tuple[dict[str, Any], ...]

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    def path(self, **given: str) -> str:
        """The address with these path parameters, and with usual ones where none is given."""
        found = self.template
        for name in self.names("path"):
            found = found.replace(f"{{{name}}}", given.get(name, IN_PATHS[name]))
        return found

    def names(self, where: str) -> list[str]:
        return [parameter["name"] for parameter in self.parameters if parameter["in"] == where]

    def query(self) -> dict[str, str]:
        """The least that must be asked."""
        asked = {
            p["name"]: (NEEDED | IN_PATHS)[p["name"]]
            for p in self.parameters
            if p["in"] == "query" and p.get("required")
        }
        return {"contact_id": "42"} if self.template == "/v1/contacts" and self.method == "GET" else asked


def operations() -> list[Operation]:
    """Everything that needs a key."""
    return [
        Operation(method.upper(), path, tuple(told.get("parameters", ())))
        for path, methods in description()["paths"].items()
        for method, told in methods.items()
        if path not in PUBLIC and not path.startswith("/webhooks/")
    ]


def rules(app: Flask) -> set[tuple[str, str]]:
    """Method and address of everything that the map of routes answers, without the names of parameters."""
    return {
        (method, _shape(rule.rule, "<", ">"))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def described() -> set[tuple[str, str]]:
    """The same of what is described."""
    return {(one.method, _shape(one.template, "{", "}")) for one in operations()} | {("GET", path) for path in PUBLIC}


def _shape(path: str, begin: str, end: str) -> str:
    while begin in path:
        before, _, rest = path.partition(begin)
        path = before + "*" + rest.partition(end)[2]
    return path

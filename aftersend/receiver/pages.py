"""Pages for people: self-contained files that hold no data and run no script but their own.

Whatever text an event carries, nothing on such a page may run it or send anything to another host.
"""

from __future__ import annotations

import base64
import re
from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from flask import Response

_TEMPLATES = Path(__file__).parent / "templates"
_SCRIPT = re.compile(r"<script>(.*?)</script>", re.DOTALL)
_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; script-src {scripts}; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(name: str) -> Response:
    """The page of that name."""
    text, policy = _read(name)
    answer = Response(text, content_type="text/html; charset=utf-8")
    answer.headers["Content-Security-Policy"] = policy
    answer.headers["X-Content-Type-Options"] = "nosniff"
    answer.headers["Referrer-Policy"] = "no-referrer"
    answer.headers["Cache-Control"] = "no-cache"
    return answer


@lru_cache(maxsize=8)
def _read(name: str) -> tuple[str, str]:
    """A page's text and its policy, which names each script by its digest."""
    text = (_TEMPLATES / name).read_text(encoding="utf-8")
    digests = (base64.b64encode(sha256(script.encode()).digest()).decode() for script in _SCRIPT.findall(text))
    return text, _POLICY.format(scripts=" ".join(f"'sha256-{digest}'" for digest in digests))

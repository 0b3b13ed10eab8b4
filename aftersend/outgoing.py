"""What our own requests to platforms have in common."""

from __future__ import annotations

import requests


def no_credentials(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """The ``auth`` of a request that carries its credentials itself, or none: without it, an entry in ``.netrc`` would
    become an Authorization header."""
    return request

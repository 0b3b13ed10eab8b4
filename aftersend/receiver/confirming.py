"""Opening the address with which a platform asks whether we want its webhooks."""

from __future__ import annotations

import requests

from aftersend.outgoing import no_credentials
from aftersend.vocabulary import TemporaryError

TIMEOUT_S = 5
"""The platform waits for our answer meanwhile: SNS for 15 seconds (providers/amazon-ses.md, "Retry rules")."""


def visit(url: str) -> None:
    """Open an address that the provider has vouched for; redirects are not followed, since they lead elsewhere. Raises
    TemporaryError where it doesn't answer with success: then the platform asks again."""
    try:
        with requests.get(url, timeout=TIMEOUT_S, allow_redirects=False, stream=True, auth=no_credentials) as answer:
            status = answer.status_code
    except requests.RequestException as error:
        raise TemporaryError(f"The subscription could not be confirmed: {type(error).__name__}.") from None
    if not 200 <= status < 300:
        raise TemporaryError(f"The subscription could not be confirmed: status {status}.")

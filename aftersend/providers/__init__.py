"""The registry: one line a provider."""

from __future__ import annotations

from aftersend.providers.amazon_ses import AmazonSES
from aftersend.providers.benchmark import Benchmark
from aftersend.providers.brevo import Brevo
from aftersend.providers.coldsend import ColdSend
from aftersend.providers.constant_contact import ConstantContact
from aftersend.providers.contract import Provider
from aftersend.providers.hogsend import Hogsend
from aftersend.providers.inwise import Inwise
from aftersend.providers.klaviyo import Klaviyo
from aftersend.providers.mailchimp import Mailchimp
from aftersend.providers.mailersend import MailerSend
from aftersend.providers.mailgun import Mailgun
from aftersend.providers.mailjet import Mailjet
from aftersend.providers.mailtrap import Mailtrap
from aftersend.providers.mandrill import Mandrill
from aftersend.providers.postal import Postal
from aftersend.providers.postmark import Postmark
from aftersend.providers.resend import Resend
from aftersend.providers.scaleway_tem import ScalewayTEM
from aftersend.providers.sendgrid import SendGrid
from aftersend.providers.sparkpost import SparkPost
from aftersend.providers.unisender_go import UnisenderGo
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError

PROVIDERS: dict[str, Provider] = {
    p.name: p
    for p in (
        Inwise(),
        Hogsend(),
        ConstantContact(),
        ColdSend(),
        Benchmark(),
        SendGrid(),
        AmazonSES(),
        Mailgun(),
        Postmark(),
        Brevo(),
        Resend(),
        SparkPost(),
        Mandrill(),
        Mailchimp(),
        Mailjet(),
        MailerSend(),
        Mailtrap(),
        Postal(),
        Klaviyo(),
        UnisenderGo(),
        ScalewayTEM(),
    )
}


ALSO = {"benchmark_email": "benchmark", "ses": "amazon_ses", "scaleway": "scaleway_tem", "unisender": "unisender_go"}
"""Other names of providers."""


def provider_named(name: str) -> Provider | None:
    """The provider of that name, hyphens being underscores; ``None`` if there is none."""
    plain = name.replace("-", "_")
    return PROVIDERS.get(ALSO.get(plain, plain))


def provider_of(source: Source) -> Provider:
    """The provider of a source. Raises ConfigurationError listing those that exist."""
    found = provider_named(source.provider)
    if found is None:
        known = ", ".join(sorted(PROVIDERS))
        raise ConfigurationError(f"Source '{source.name}': there is no provider '{source.provider}'; known: {known}.")
    return found

"""What every platform that speaks as SNS does has in common: envelopes, signatures, certificates, confirmations."""

from __future__ import annotations

import time
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aftersend.providers import sns
from aftersend.providers.contract import Handshake, Never
from aftersend.settings import Source
from aftersend.vocabulary import ConfigurationError, Rejected, TemporaryError, now
from tests.fakes import Said, cut, hang_up, html, unavailable
from tests.providers.junk import PLAIN, nested
from tests.providers.topics import (
    Keeper,
    certified,
    confirmation,
    elliptic,
    envelope,
    post,
    signed,
    signer,
    unversioned,
    written,
)

TOPIC = "arn:test:sns:here:1:events"
ELSEWHERE = "https://certificates.example.com/one.pem"
PLATFORM = sns.Platform(
    title="Topics", signs_at=lambda address, _topic: address == ELSEWHERE, confirms_at=lambda _address, _topic: False
)
CHAINED = msgspec.structs.replace(PLATFORM, chained=True)
ADA = signer("ada")
PINNED = sns.Options(topics=[TOPIC], certificates=[ADA.pem])


@pytest.fixture
def keeper():
    with Keeper() as found:
        yield found


def local(keeper: Keeper) -> Source:
    return Source(name="acme", provider="amazon_ses", base_url=keeper.url)


FAR = Source(name="acme", provider="amazon_ses")


def verify(told: Any, options: sns.Options, source: Source = FAR, platform: sns.Platform = PLATFORM, **headers: str):
    return sns.verify(post(told, **headers), source, options, platform)


def refused(*how: Any, **more: Any) -> str:
    with pytest.raises(Rejected) as found:
        verify(*how, **more)
    return str(found.value)


def notified(certificate: str = ELSEWHERE, by=ADA, **fields: Any) -> dict[str, Any]:
    return signed(envelope({"it": "happened"}, TOPIC, certificate, **fields), by)


# -- signatures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("subject", [None, "", "It happened"])
@pytest.mark.parametrize("message", ['{"it":"happened"}\n', 'Grüße \U0001f600 \\n "quoted"', ""])
def test_both_versions_of_the_signature_are_accepted_with_and_without_a_subject(version, subject, message):
    told = signed(envelope(message, TOPIC, ELSEWHERE, SignatureVersion=version, Subject=subject), ADA)
    assert verify(told, PINNED) is None
    assert "fits no certificate" in refused(told | {"SignatureVersion": "21"[int(version) - 1]}, PINNED)


@pytest.mark.parametrize("version", ["", "0", "3", "1.0", "٢"])
def test_another_version_of_the_signature_is_refused(version):
    assert "SignatureVersion" in refused(notified() | {"SignatureVersion": version}, PINNED)


def test_where_only_sha256_is_wanted_version_1_is_refused():
    strict = msgspec.structs.replace(PINNED, sha256_only=True)
    assert verify(notified(SignatureVersion="2"), strict) is None
    assert "SignatureVersion" in refused(notified(), strict)


@pytest.mark.parametrize("field", ["Message", "MessageId", "Subject", "Timestamp"])
def test_every_signed_field_is_protected(field):
    told = notified(Subject="It happened")
    changed = written(now() - 1000) if field == "Timestamp" else told[field] + " "
    assert "fits no certificate" in refused(told | {field: changed}, PINNED)


def test_a_subject_that_was_added_or_taken_away_is_refused():
    assert "fits no certificate" in refused(notified() | {"Subject": "It happened"}, PINNED)
    with_one = notified(Subject="It happened")
    del with_one["Subject"]
    assert "fits no certificate" in refused(with_one, PINNED)


def test_what_is_not_signed_may_be_anything():
    assert verify(notified() | {"UnsubscribeURL": "https://evil.example.com", "Token": 7, "More": [1]}, PINNED) is None


@pytest.mark.parametrize("signature", ["", "AA==", "%%%", "ä", "A" * 100_000])
def test_a_signature_that_is_none_is_refused(signature):
    assert "fits no certificate" in refused(notified() | {"Signature": signature}, PINNED)


# -- topics, headers, age ------------------------------------------------------------------------------------


@pytest.mark.parametrize("topics", [[], [""], [" "]])
def test_an_empty_list_of_topics_accepts_and_confirms_nothing(topics):
    options = msgspec.structs.replace(PINNED, topics=topics)
    question = signed(confirmation(TOPIC, ELSEWHERE, "https://sns.example.com/"), ADA)
    for told in (notified(), question, notified(TopicArn=""), notified(TopicArn=" ")):
        assert "lists no topics, so nothing is confirmed or accepted" in refused(told, options)


def test_a_topic_that_is_not_listed_is_refused_before_anything_is_fetched(keeper):
    address = keeper.holds("ada.pem", ADA)
    told = signed(envelope("{}", f"{TOPIC}-2", address), ADA)
    assert "not among the topics" in refused(told, sns.Options(topics=[TOPIC]), local(keeper))
    assert keeper.asked == []


def test_each_of_several_topics_is_accepted():
    options = msgspec.structs.replace(PINNED, topics=["arn:test:sns:here:1:other", f" {TOPIC} "])
    assert verify(notified(), options) is None


def test_headers_that_contradict_the_envelope_are_refused_and_missing_ones_are_not():
    told = notified()
    request = post(told)
    assert sns.verify(msgspec.structs.replace(request, headers={}), FAR, PINNED, PLATFORM) is None
    assert "x-amz-sns-message-type" in refused(told, PINNED, x_amz_sns_message_type="SubscriptionConfirmation")
    assert "x-amz-sns-message-id" in refused(told, PINNED, x_amz_sns_message_id="another")


def test_raw_delivery_is_refused_with_what_to_do():
    assert "switch it off" in refused(b'{"eventType":"Open"}', PINNED, x_amz_sns_rawdelivery="true")


@pytest.mark.parametrize(
    ("ago", "accepted"),
    [(0, True), (3590, True), (3610, False), (-3590, True), (-3610, False), (86_400_000, False)],
)
def test_a_notification_may_be_as_old_as_the_option_says(ago, accepted):
    told = notified(Timestamp=written(now() - ago * 1000))
    options = msgspec.structs.replace(PINNED, max_age="1h")
    if accepted:
        assert verify(told, options) is None
    else:
        assert "60 minutes" in refused(told, options)


@pytest.mark.parametrize("when", ["", "yesterday", "0001-01-01T00:00:00Z", "99999-01-01", "2026-01-01T12:00:00+99:00"])
def test_a_time_that_is_none_is_refused(when):
    assert "when it was signed" in refused(notified(Timestamp=when), PINNED)


def test_an_age_that_is_none_is_an_error_of_the_configuration():
    with pytest.raises(ConfigurationError, match="max_age"):
        msgspec.convert({"max_age": "soon"}, sns.Options)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_asking_whether_we_are_there_is_answered(method):
    assert sns.verify(post(b"", method), FAR, PINNED, PLATFORM) == Handshake()


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS"])
def test_another_method_is_answered_with_the_one_that_works(method):
    with pytest.raises(Never) as never:
        sns.verify(post(notified(), method), FAR, PINNED, PLATFORM)
    assert (never.value.status, never.value.allow) == (405, "POST")


# -- confirmations -------------------------------------------------------------------------------------------


def test_a_subscription_is_confirmed_by_the_address_that_was_signed(keeper):
    asked = f"{keeper.url}/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t"
    told = signed(confirmation(TOPIC, ELSEWHERE, asked), ADA)
    assert verify(told, PINNED, local(keeper)) == Handshake(visit=asked)
    assert "fits no certificate" in refused(told | {"SubscribeURL": asked + "2"}, PINNED, local(keeper))


@pytest.mark.parametrize(
    "address",
    [
        "http://169.254.169.254/latest",
        "https://sns.example.com/",
        "",
        "http://127.0.0.1:1/sns/?x",
        "file:///etc/passwd",
    ],
)
def test_a_subscription_is_not_confirmed_at_any_other_address(keeper, address):
    told = signed(confirmation(TOPIC, ELSEWHERE, address), ADA)
    assert "none of Topics's" in refused(told, PINNED, local(keeper))


@pytest.mark.parametrize("field", ["SubscribeURL", "Token"])
def test_a_confirmation_without_all_its_fields_is_refused(field):
    told = signed(confirmation(TOPIC, ELSEWHERE, "https://sns.example.com/", **{field: None}), ADA)
    assert refused(told, PINNED) == f"{field} is missing."


def test_the_end_of_a_subscription_is_taken_in_and_nothing_is_opened():
    told = signed(confirmation(TOPIC, ELSEWHERE, "https://sns.example.com/", Type="UnsubscribeConfirmation"), ADA)
    assert verify(told, PINNED) is None


# -- pinned certificates -------------------------------------------------------------------------------------


def test_any_of_several_pinned_certificates_is_accepted_and_nothing_is_fetched(keeper, tmp_path):
    keeper.holds("eve.pem", signer("eve"))
    file = tmp_path / "both.pem"
    file.write_text(signer("bea").pem + ADA.pem)
    options = sns.Options(topics=[TOPIC], certificates=[signer("cat").pem, str(file)])
    for name in ("ada", "bea", "cat"):
        assert verify(notified(f"{keeper.url}/eve.pem", signer(name)), options, local(keeper)) is None
    told = notified(f"{keeper.url}/eve.pem", signer("eve"))
    assert "fits no certificate" in refused(told, options, local(keeper))
    assert keeper.asked == []


def test_a_pinned_certificate_that_is_none_spoils_no_other_and_is_no_fault_of_the_platform(tmp_path):
    broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"
    for wrong in (str(tmp_path / "missing.pem"), broken, unversioned(ADA), "\x00", "~nobody/one.pem", str(tmp_path)):
        both = sns.Options(topics=[TOPIC], certificates=[wrong, ADA.pem])
        assert verify(notified(), both) is None
        with pytest.raises(TemporaryError):
            verify(notified(by=signer("eve")), both)
    assert "fits no certificate" in refused(notified(), sns.Options(topics=[TOPIC], certificates=["", " "]))


@pytest.mark.parametrize(
    "years", [{"since": 2000, "until": 2001}, {"since": 2098, "until": 2099}], ids=["expired", "not yet valid"]
)
def test_a_certificate_out_of_its_time_is_refused(years):
    old = certified("ada", **years)
    assert "fits no certificate" in refused(notified(), sns.Options(topics=[TOPIC], certificates=[old.pem]))


def test_a_certificate_whose_key_is_none_of_rsa_is_refused():
    options = sns.Options(topics=[TOPIC], certificates=[elliptic("curve").pem])
    assert "fits no certificate" in refused(notified(), options)


def test_a_pinned_certificate_does_not_open_other_hosts():
    assert "none of Topics's" in refused(notified("https://evil.example.com/one.pem"), PINNED)


# -- fetched certificates ------------------------------------------------------------------------------------


LISTED = sns.Options(topics=[TOPIC])


def test_a_certificate_is_fetched_once(keeper):
    told = notified(keeper.holds("ada.pem", ADA))
    for _ in range(3):
        assert verify(told, LISTED, local(keeper)) is None
    assert [(asked.method, asked.path) for asked in keeper.asked] == [("GET", "/sns/ada.pem")]


def test_two_certificates_are_in_use_while_one_follows_the_other(keeper):
    for name in ("ada", "bea", "ada"):
        assert verify(notified(keeper.holds(f"{name}.pem", signer(name)), signer(name)), LISTED, local(keeper)) is None
    told = notified(f"{keeper.url}/ada.pem", signer("bea"))
    assert "fits no certificate" in refused(told, LISTED, local(keeper))


def not_found(_fake, _said):
    return Said(status=404)


def huge(_fake, said):
    return Said(body=said.body + b"\n" * sns.MOST_BYTES)


def of_no_version(_fake, _said):
    return Said(body=unversioned(ADA).encode())


def late(_fake, said):
    time.sleep(0.1)
    return said


@pytest.mark.parametrize("fault", [unavailable, html, hang_up, cut, not_found, huge, of_no_version, late])
def test_a_certificate_that_cannot_be_fetched_is_asked_for_again_later(keeper, monkeypatch, fault):
    told = notified(keeper.holds("ada.pem", ADA))
    keeper.faults = [fault]
    with monkeypatch.context() as patience:
        if fault is late:
            patience.setattr(sns, "TIMEOUT_S", 0.05)
        with pytest.raises(TemporaryError):
            verify(told, LISTED, local(keeper))
    assert verify(told, LISTED, local(keeper)) is None


def test_a_redirect_is_not_followed(keeper):
    with Keeper() as elsewhere:
        address = elsewhere.holds("ada.pem", ADA)
        keeper.files["/sns/ada.pem"] = Said(status=302, headers={"Location": address})
        with pytest.raises(TemporaryError):
            verify(notified(f"{keeper.url}/ada.pem"), LISTED, local(keeper))
        assert elsewhere.asked == []


def test_nothing_is_fetched_from_where_the_rules_do_not_allow(keeper):
    address = keeper.holds("ada.pem", ADA)
    strangers = [
        address.replace("/sns/", "/"),
        address.replace("/sns/", "/sns/../sns/"),
        address.replace("/sns", "/snsx"),
        address.replace("127.0.0.1", "localhost"),
        address.replace("http://", "http://user@"),
        address.replace("http://", "https://"),
        "",
        "http://[::1",
    ]
    for stranger in strangers:
        assert "none of Topics's" in refused(notified(stranger), LISTED, local(keeper))
    # Below the source's address, but that is not on this machine.
    for base in ("", "http://192.0.2.1", keeper.url.replace("http://127.0.0.1", "http://127.0.0.1@example.com")):
        far = msgspec.structs.replace(FAR, base_url=base)
        assert "none of Topics's" in refused(notified(f"{base}/ada.pem"), LISTED, far)
    assert keeper.asked == []


def test_made_up_addresses_do_not_grow_what_is_kept(keeper):
    for number in range(sns.MOST_KEPT + 5):
        verify(notified(keeper.holds(f"{number}.pem", ADA)), LISTED, local(keeper))
    assert len(sns.FETCHED._kept) == sns.MOST_KEPT


# -- authorities ---------------------------------------------------------------------------------------------


ROOT = certified("root", authority=True)
BETWEEN = certified("between", ROOT, authority=True)
LEAF = certified("leaf", ROOT)
LOWER_LEAF = certified("leaf", BETWEEN)
CHAIN = sns.Options(topics=[TOPIC], trust_chain=[ROOT.pem])


@pytest.mark.parametrize(
    ("held", "trusted"),
    [
        ([LEAF], [ROOT]),
        ([LOWER_LEAF, BETWEEN], [ROOT]),
        ([LOWER_LEAF], [BETWEEN, ROOT]),
        ([LOWER_LEAF], [BETWEEN]),
        ([LEAF], [signer("eve"), ROOT]),
    ],
    ids=["issued by the authority", "with one between", "both are known", "only one between is known", "one of two"],
)
def test_a_certificate_that_the_authority_issued_is_accepted(keeper, held, trusted):
    told = notified(keeper.holds("leaf.pem", *held), LEAF)
    options = sns.Options(topics=[TOPIC], trust_chain=["".join(one.pem for one in trusted)])
    assert verify(told, options, local(keeper), CHAINED) is None
    # Where it wouldn't be needed, it is held to all the same.
    assert verify(told, options, local(keeper)) is None


@pytest.mark.parametrize(
    "held",
    [
        [signer("leaf")],
        [certified("leaf", certified("root", authority=True, with_key=signer("eve").key))],
        [LOWER_LEAF],
        [certified("leaf", ROOT, until=2021)],
        [certified("leaf", certified("between", ROOT)), certified("between", ROOT)],
        [certified("leaf", LEAF), LEAF],
        [LOWER_LEAF, certified("between", ROOT, authority=True, until=2021)],
    ],
    ids=[
        *("by itself", "by a namesake", "link missing", "expired", "by one that is no authority", "by a leaf"),
        "expired between",
    ],
)
def test_a_certificate_that_the_authority_did_not_issue_is_refused(keeper, held):
    told = notified(keeper.holds("leaf.pem", *held), LEAF)
    assert "fits no certificate" in refused(told, CHAIN, local(keeper), CHAINED)


def test_only_the_first_certificate_of_a_file_signs(keeper):
    told = notified(keeper.holds("both.pem", ADA, LEAF), LEAF)
    assert "fits no certificate" in refused(told, CHAIN, local(keeper), CHAINED)
    assert "fits no certificate" in refused(told, LISTED, local(keeper))


def test_where_an_authority_is_needed_and_none_is_known_nothing_is_fetched(keeper):
    told = notified(keeper.holds("leaf.pem", LEAF), LEAF)
    assert "trust_chain" in refused(told, LISTED, local(keeper), CHAINED)
    assert "trust_chain" in refused(told, sns.Options(topics=[TOPIC], trust_chain=[""]), local(keeper), CHAINED)
    assert keeper.asked == []


def test_an_authority_that_cannot_be_read_is_no_fault_of_the_platform(keeper, tmp_path):
    told = notified(keeper.holds("leaf.pem", LEAF), LEAF)
    missing = str(tmp_path / "missing.pem")
    with pytest.raises(TemporaryError):
        verify(told, sns.Options(topics=[TOPIC], trust_chain=[missing]), local(keeper), CHAINED)
    options = sns.Options(topics=[TOPIC], trust_chain=[missing, ROOT.pem])
    assert verify(told, options, local(keeper), CHAINED) is None


# -- what else may come --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [b"", b"null", b"[]", b"7", b"{", b"\xff\xfe", b"{}", b'{"Type":7}', b'{"Type":"Notification"}', b"[" * 100_000],
)
def test_what_is_no_envelope_is_refused(body):
    assert refused(body, PINNED)


names = st.sampled_from([*sns.SIGNED["Notification"], "Signature", "SignatureVersion", "SigningCertURL", "Token"])
values = nested(names, PLAIN | st.sampled_from(["Notification", TOPIC, ELSEWHERE, "1", "2", "\ud800", written()]))


@settings(max_examples=60)
@given(st.dictionaries(names, values))
def test_a_genuine_envelope_with_anything_changed_is_refused_or_accepted_and_raises_nothing_else(changes):
    told = GENUINE | changes
    try:
        body = msgspec.json.encode(told)
    except UnicodeEncodeError:
        return
    try:
        assert sns.verify(post(body), FAR, PINNED, PLATFORM) is None
    except Rejected:
        return
    changed = {name for name in sns.SIGNED["Notification"] if told.get(name) != GENUINE.get(name)}
    # A subject that is no text is none.
    assert changed <= {"Subject"}
    assert not isinstance(told.get("Subject"), str)


GENUINE = notified()


@given(st.binary())
def test_any_bytes_are_refused(body):
    with pytest.raises(Rejected):
        verify(body, PINNED)


def test_the_setup_text_says_what_is_accepted(tmp_path):
    nothing = "- topics: **none, so nothing is confirmed or accepted**"
    assert sns.trusted(sns.Options(), PLATFORM) == nothing
    assert sns.trusted(sns.Options(), CHAINED) == f"{nothing}\n- trust_chain: **none, so nothing can be verified**"
    options = sns.Options(
        topics=[TOPIC, "other"], certificates=[ADA.pem, str(tmp_path / "missing.pem")], trust_chain=[ROOT.pem]
    )
    assert sns.trusted(options, CHAINED) == (
        f"- topics: {TOPIC}, other\n- certificates: 1 can be used, **1 can't be read**\n- trust_chain: 1 can be used"
    )

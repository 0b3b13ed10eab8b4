"""The test vectors of the provider file."""

from __future__ import annotations

CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIICsTCCAZmgAwIBAgIBATANBgkqhkiG9w0BAQsFADAcMRowGAYDVQQDDBFzbnMu
YW1hem9uYXdzLmNvbTAeFw0yNTAxMDEwMDAwMDBaFw00NTAxMDEwMDAwMDBaMBwx
GjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29tMIIBIjANBgkqhkiG9w0BAQEFAAOC
AQ8AMIIBCgKCAQEAs47D9MTcKEzGdYPrMr7VNvt6Izlcdo8bZiz8/FDSJiJIRVur
wIupjyBcxVfpYYzws0Hh1uDgWDZn/taWz2JNpkicfYUuZpnB1XtVwzJwBeGE2OX+
bVhD+XpJ1mTsPTgnJu24QJ7iHSzJuyArdYRlboEtGyY0aA20Yd9taxTmnmgOvNey
9laiOUMHMgHIcKdTMZ9tunDFOR1IPP6tCHej9zRtdn84z6DhwR+SSOYdhW/8Pjfz
P7vLfOePCKDFUFWRp/n8pLDvFP+bmj+xHPiD97PB1Zk+2et7T9Uvhm9F7Yo1Fyli
N7BKLo+HCQtGqoUICk/R+sstfMW42FhAFoKnUwIDAQABMA0GCSqGSIb3DQEBCwUA
A4IBAQBfmCaR5n4XV/xghDnTF+q//8CqLKKEDUw1dBlcT/e90jgSLGKlLdfPRkWA
HuXSZvlLAECuGkgoHSYljhc2lzFws/lENk1S66Tw3CpRg4IfObzxXnDpmlWHypDC
PDzBt75yPWNs8IrZfDmosXEcMVy1sjFPP7ld9XvIKQYw56H22lBEcgmuTlHxNhxy
kLK7gNFnLOpKOfUwLHCSdNnAWGnaNnBYtm9bGCsWun5kGCqyUEevV1gCURXlFwAJ
DG4HufIP1FNAgaX9fimgPYVNVcy+J5Mq8ALHNO1/nt7uZNBgftQGzZj86yTA0XCv
lNFWkT79htBGSUL9naLR86zCAuJl
-----END CERTIFICATE-----
"""
NOTIFICATION = {
    "Type": "Notification",
    "MessageId": "11111111-2222-5333-8444-555555555555",
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:ses-events",
    "Subject": "Amazon SES Email Event Notification",
    "Message": (
        '{"eventType":"Delivery","mail":{"timestamp":"2026-01-01T11:59:58.000Z","messageId":"010001'
        '8f00000000-test-000000","destination":["ada@example.com"]},"delivery":{"timestamp":"2026-0'
        '1-01T12:00:00.000Z","recipients":["ada@example.com"]}}'
    ),
    "Timestamp": "2026-01-01T12:00:01.000Z",
    "SignatureVersion": "1",
    "Signature": (
        "ilQFAM1Gq+73FqZRnOxOgHU83P85NohM0aG+msxnHkZsRrSKElb/qlbFILL6SlBAGEavadiopQXeSDgU1Ll7CuIAHj"
        "D2Y4NsHpR7Bq8fRLckIbvNxD1UyWFTBd4ZHqI4O/CR8UlomrYFeCdqnDZCD+uklgRNR8MvJoy9kerGIQF6zs+m7xbC"
        "fNGrMACHIUL7Q1m7XYwUXLAkWzJrb154RQT4NZkehWqVeN1kiolTuO0E50p2P9//LlsT95u3AyPqjK8EM+bktAmLNC"
        "lxSn8YyIHziwtYMyhiANMf+JmG4oC5y8uWsfd/tMyt8vbSWE9QtZMM3hJ/qeqkn+gXqqrQvA=="
    ),
    "SigningCertURL": (
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
    ),
    "UnsubscribeURL": (
        "https://sns.us-east-1.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=arn:aws:sns:us-eas"
        "t-1:123456789012:ses-events:2bcfbf39-05c3-41de-beaa-fcfcc21c8f55"
    ),
}
VERSION_2 = (
    "i2vvVul75Ij3lXn34h7VjemdRN6DptpNeIp9FNrUEBJRyJqn57GiJGcwB6xLkatZuWn5zz33tcPwX2EefYMTkCUdhYeLXgmIbBIu"
    "fYQhg1VK4+UtTg4nIBaSYBDKxVnqEb4CSxCvLx2NDmnhyIzEnzBeLooLOkBtS5G9IB+O5nR8sTlLl+P2ZqcfKTKdqCWYvobG/xzq"
    "mu9aFd5hZ1Oof+n5liuSBtz/ZF41DRBlSeIJSDwPoTBvHf9mvbN0qmyZIzhxgQLV6dVna72EdboFZ+JLE4gyAR/fwnhqQXQJzxVN"
    "TbwKEv38M6cdztl9JN4irlr55NyfZpPczVSP0mtz9A=="
)
"""The signature of the same message with ``SignatureVersion`` 2."""
CONFIRMATION = {
    "Type": "SubscriptionConfirmation",
    "MessageId": "66666666-7777-5888-8999-000000000000",
    "Token": "2336412f37fbtest",
    "TopicArn": "arn:aws:sns:us-east-1:123456789012:ses-events",
    "Message": (
        "You have chosen to subscribe to the topic arn:aws:sns:us-east-1:123456789012:ses-events.\nT"
        "o confirm the subscription, visit the SubscribeURL included in this message."
    ),
    "SubscribeURL": (
        "https://sns.us-east-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=arn:aws:sns:us-ea"
        "st-1:123456789012:ses-events&Token=2336412f37fbtest"
    ),
    "Timestamp": "2026-01-01T11:00:00.000Z",
    "SignatureVersion": "2",
    "Signature": (
        "kAGmw914SGinS84GohccvuEvr3TXaZZMybHcjpDy33OZrm6MZ7dOLDS4PQz1BuLUogfd88oM/wVgztMl7gdLd2B4Tn"
        "861T12bSGDjCqc96qmhbuZgI06F9A+1OzlCfx5n4LLoyiS2DHRB69bRV0YboFXnXSrLLubGctcYXFeGBg7mfnEUO+J"
        "oo/WAFySI2zF3q+/8WiKih8P6fpfVKCc4lC3Pxaf3nUb0Azq/IgyTiPrebrV37DQ9QOOz7VF2WBLQ3omXMxqBsaMLC"
        "BAd/IVv+NC6Zjp6CUTThbo3aEtGQ9B6BrD8zN8RJViyHoJn5x6VMXi2LVDYS/EH/D451ZObA=="
    ),
    "SigningCertURL": (
        "https://sns.us-east-1.amazonaws.com/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"
    ),
}

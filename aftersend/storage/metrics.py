"""What every metric means, once, in words. The SQL of each store keeps to these.

============== =================================================================================================
metric         definition
============== =================================================================================================
total          Events of the kind: facts, each counted once however often and through whichever door it was told.
unique         Pairs of recipient and campaign with at least one event of the kind. In a window of time: pairs whose
               *first ever* event of the kind lies in the window, so that neighbouring windows add up.
machine        ``exclude`` leaves out events that a machine caused; a pair then counts at its first event that no
               machine caused. What nobody can tell stays in.
channel        Only ``email`` enters email reports; ``sms``, ``form`` and ``site`` have counts of their own.
snapshot kinds A kind that a platform gives only as a total per campaign counts as the latest snapshot says, where
               that is more than its events say, and only when no time is asked for.
window         From its first instant on, up to but without its last: [since, until).
delivered      Where a source reports deliveries: these. Else derived: what was sent and never bounced, at the time it
               was sent (by :mod:`aftersend.receiver.reports`, from ``returns``).
============== =================================================================================================
"""

from __future__ import annotations

from aftersend.vocabulary import Channel, Kind

CHANNEL_OF_SNAPSHOT = {Kind.VISITED: Channel.SITE}
"""The channel in which a snapshot's kind counts; every other kind counts as ``email``."""

"""What the histograms have in common (providers/benchmark-email.md §2.3, §6)."""

from __future__ import annotations

from collections.abc import Sequence

from aftersend.receiver.dialects.benchmark.answers import Bucket, EngagementBucket, Peak


def peak_of(buckets: Sequence[Bucket] | Sequence[EngagementBucket]) -> Peak:
    """The bucket with the largest total, the earliest of several. Both its dates are the same (§2.3)."""
    highest = max(buckets, key=lambda bucket: bucket["total"])
    return {"startDate": highest["date"], "endDate": highest["date"], "total": highest["total"]}

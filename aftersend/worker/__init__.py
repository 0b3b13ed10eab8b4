"""The background processes: normalize, poll, schedule, prune."""

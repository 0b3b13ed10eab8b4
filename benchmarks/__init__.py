"""How fast Aftersend is, as ratios measured in one run on one machine. ``README.md`` explains each figure.

``life`` invents the data, ``measure`` turns rounds into figures, ``receive``, ``apply``, ``poll``, ``rest_api`` (dlt),
``memory`` and ``reports`` each measure one part of the way, ``sheet`` shows and keeps the result. Linux only: CPU time
and bytes written are read from /proc.
"""

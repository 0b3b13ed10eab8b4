"""How fast Aftersend is, as ratios measured in one run on one machine. ``README.md`` explains each figure.

``life`` and ``history`` invent the data, ``sparkpost`` tells it as a platform would; ``measure`` turns rounds into
figures. ``receive``, ``saving`` (Django), ``reading``, ``apply``, ``normalizing``, ``growth``, ``poll``, ``rest_api``
(dlt), ``memory``, ``reports`` and ``exporting`` each measure one part of the way; ``sheet`` shows and keeps the result,
``chart`` draws it. Linux only: CPU time, memory and bytes written are read from /proc.
"""

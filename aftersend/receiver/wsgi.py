"""What a WSGI server imports: ``granian --interface wsgi aftersend.receiver.wsgi:app``, gunicorn likewise.

Importing it reads the configuration (``AFTERSEND_CONFIG``, else ``aftersend.toml``) and opens the store.
"""

from __future__ import annotations

from aftersend import logs
from aftersend.receiver import create_app
from aftersend.settings import load
from aftersend.storage import open_store

_settings = load()
logs.configure(_settings.server.log_level)
app = create_app(_settings, open_store(_settings.server.database))

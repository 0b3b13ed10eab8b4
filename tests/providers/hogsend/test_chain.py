"""An Aftersend that answers in Hogsend's dialect, polled by another: what one module says, the other understands."""

from __future__ import annotations

import threading

from werkzeug.serving import make_server

from aftersend.storage.contract import Filter
from aftersend.vocabulary import Kind
from tests.providers.hogsend.fake import FakeHogsend
from tests.providers.hogsend.installed import install
from tests.receiver.hogsend_world import story


def test_a_chain_of_two_counts_the_same(tmp_path):
    (tmp_path / "first").mkdir()
    (tmp_path / "second").mkdir()
    world = story(tmp_path / "first")
    server = make_server("127.0.0.1", 0, world.client.application, threaded=True)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    far = {"api_key": "the-admin-key", "backfill": "0s", "overlap": "900d", "options": {"look_back": "900d"}}
    address = f"http://127.0.0.1:{server.server_port}"
    with FakeHogsend() as nobody, install(tmp_path / "second", nobody, base_url=address, **far) as polling:
        outcomes = polling.run()
        assert {key[0]: (o.status, o.problem) for key, o in outcomes.items() if o.status != "done"} == {}
        theirs, ours = world.store.funnel(Filter()), polling.store.funnel(Filter())
        # A send's creation is no event here: the provider file's mapping has none (section 7).
        assert ours == {**theirs, Kind.QUEUED: ours[Kind.QUEUED]}
        assert ours[Kind.QUEUED].total == 0
        before = polling.events()
        polling.run()
        assert polling.events() == before
    server.shutdown()

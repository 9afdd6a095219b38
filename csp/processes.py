"""Starting processes that leave Ctrl-C to this one.

>>> with unheard_by_children(): executor = joblib.Parallel(n_jobs=2)(tasks)
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

#: Processes that watch over shared memory. They unblock signals in their parent when they are started.
TRACKERS = ("multiprocessing.resource_tracker", "joblib.externals.loky.backend.resource_tracker")


@contextmanager
def unheard_by_children() -> Iterator[None]:
    """Processes started within the block never see Ctrl-C, which a terminal sends to all: this one answers for them.

    They inherit that from their first moment on, so that none prints a traceback of its imports.
    """
    for tracker in TRACKERS:
        import_module(tracker).ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)

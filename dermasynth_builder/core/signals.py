"""What asks a long job to stop: Ctrl-C, a batch system or a shutdown (SIGTERM), a closed terminal (SIGHUP)."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

STOP_SIGNALS = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)  # Windows has no SIGHUP


@contextmanager
def heeding_stop_signals(stop: Callable[[], object]) -> Iterator[None]:
    """The first signal calls `stop`; the second ends at once, Ctrl-C as a KeyboardInterrupt.

    A signal that is ignored stays so: `nohup` ignores SIGHUP. Outside the main thread, where no signal comes, it does
    nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def heed(_: int, __: FrameType | None) -> None:
        for number in before:
            signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
        stop()

    before = {number: earlier for number in STOP_SIGNALS if (earlier := signal.getsignal(number)) is not signal.SIG_IGN}
    for number in before:
        signal.signal(number, heed)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)

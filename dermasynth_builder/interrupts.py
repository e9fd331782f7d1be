"""Effect: Ctrl-C: a first one ends a run in good order, a second one at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from dermasynth_builder.errors import StoppedError

if TYPE_CHECKING:
    from dermasynth_builder.generate import Run


def heed_ctrl_c() -> None:
    """Makes SIGINT a KeyboardInterrupt where this process was started with SIGINT ignored.

    A shell starts the background jobs of a script so; a handler of the caller's own stays. Outside the main thread,
    where none can be set, it does nothing.
    """
    is_main = threading.current_thread() is threading.main_thread()
    if is_main and signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@contextmanager
def finishing_on_ctrl_c(run: "Run", warn: Callable[[str], object]) -> Iterator[None]:
    """The first Ctrl-C ends the run, which finishes what is under way; the second is a KeyboardInterrupt.

    Outside the main thread, where no signal comes, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_: int, __: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        run.end(StoppedError("stopped; what is answered is kept, run the same command again to go on"))
        warn("finishing what is under way; Ctrl-C once more drops it")

    earlier = signal.signal(signal.SIGINT, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, earlier)

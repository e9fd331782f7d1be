"""What a client of `generate.py` uses; with nothing but Python's own, as clients run in more than one Python."""

import resource
import sys
import time
from pathlib import Path


class Meter:
    """Times this process from its making, or from when it is started anew."""

    def __init__(self) -> None:
        self.start()

    def start(self) -> None:
        """What came before does not count: imports, bodies made beforehand."""
        self._begun_s, self._cpu_s = time.monotonic(), _cpu_s()

    def figures(self, count: int) -> dict[str, float]:
        """Of so many requests: how many a second, CPU of each, and the most memory that the process has held."""
        wall_s, cpu_s = time.monotonic() - self._begun_s, _cpu_s() - self._cpu_s
        return {"rate": count / wall_s, "cpu_ms": 1000 * cpu_s / count, "peak_mb": _peak_mb()}


def _cpu_s() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_mb() -> float:
    """Of this process alone: on Linux, `ru_maxrss` begins with what the process that started it held."""
    if sys.platform != "linux":
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    lines = Path("/proc/self/status").read_text("ascii").splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))

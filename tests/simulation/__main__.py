"""`python -m tests.simulation FIRST [LAST]`: plays these seeds on every core. What breaks is told by its seed."""

import os
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.play import played

_CHUNK = 100


def main(first: int, last: int) -> int:
    """Gives 1 where a seed breaks what has to hold."""
    chunks = [range(at, min(at + _CHUNK, last + 1)) for at in range(first, last + 1, _CHUNK)]
    broken = 0
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for chunk, told in zip(chunks, pool.map(played, chunks), strict=True):
            broken += len(told)
            print(*told, f"seeds {chunk[0]} to {chunk[-1]}: {len(told)} broke", sep="\n", flush=True)  # noqa: T201 - a program
    print(f"{last + 1 - first - broken} passed, {broken} failed")  # noqa: T201
    return 1 if broken else 0


if __name__ == "__main__":
    numbers = [int(word) for word in sys.argv[1:]] or [1, 10_000]
    sys.exit(main(numbers[0], numbers[-1]))

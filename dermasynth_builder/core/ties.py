"""What belongs together, found from what is tied to what."""

from typing import Generic, TypeVar

Key = TypeVar("Key", str, tuple[str, str])


class Ties(Generic[Key]):
    """Sets that have a member in common are one; the least of its members stands for it."""

    def __init__(self) -> None:
        self._up: dict[Key, Key] = {}

    def of(self, one: Key) -> Key:
        """What stands for the set of this member."""
        while (above := self._up.get(one, one)) != one:
            self._up[one] = self._up.get(above, above)
            one = above
        return one

    def tie(self, one: Key, other: Key) -> None:
        """From now on both are of one set."""
        first, second = sorted((self.of(one), self.of(other)))
        if first != second:
            self._up[second] = first

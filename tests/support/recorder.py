"""A reporter whose lines a test can read."""

from dataclasses import dataclass, field

from dermasynth_builder.core.reporter import SilentReporter


@dataclass
class Recorder(SilentReporter):
    """A reporter that keeps what it is told."""

    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    def say(self, line: str) -> None:
        self.said.append(line)

    def warn(self, line: str) -> None:
        self.warned.append(line)

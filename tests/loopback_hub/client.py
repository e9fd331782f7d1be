"""Runs clients of the loopback Hub, each in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.loopback_hub.hub import LoopbackHub, RecordedRequest

# With datasets 5.2 a process that streamed may abort while the interpreter ends ("terminate called without an active
# exception", code -6). A script has printed all by then, so it leaves at once.
LEAVE = """
import os, sys
sys.stdout.flush()
os._exit(0)
"""


@dataclass(frozen=True, slots=True)
class Ended:
    """A process that ended, and what it asked of the Hub."""

    code: int
    out: str
    err: str
    requests: Sequence[RecordedRequest]


def run_process(hub: LoopbackHub, home: Path, *command: str, **variables: str) -> Ended:
    """Runs a command against the Hub, with `home` for its caches; `variables` go over the Hub's own."""
    asked_before = len(hub.requests)
    environment = hub.environment(home) | variables
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120, check=False)
    return Ended(done.returncode, done.stdout, done.stderr, hub.requests[asked_before:])


def run_script(hub: LoopbackHub, home: Path, script: str, *arguments: str, python: str = sys.executable) -> Any:
    """What the script prints as JSON on its last line, run against the Hub; the test fails if it fails."""
    done = run_process(hub, home, python, "-c", script + LEAVE, *arguments)
    assert done.code == 0, done.err
    return json.loads(done.out.splitlines()[-1])

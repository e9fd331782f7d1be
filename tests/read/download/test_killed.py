"""`kill -9` in the middle of a download: the next run goes on, and the folder ends whole and the same to the byte."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from tests.support.downloads import Drawn

KILLS = 5
RUN = "from dermasynth_builder.cli import main; raise SystemExit(main())"


def command(drawn: Drawn) -> list[str]:
    words = ("download", drawn.source, "--accept-licence", "--jobs", "2", "--to", str(drawn.folder))
    return [sys.executable, "-c", RUN, *words]


def start(drawn: Drawn) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(command(drawn), stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@contextmanager
def interrupts_are(inherited: signal.Handlers) -> Iterator[None]:
    """What a process started meanwhile does with SIGINT; scripts ignore it for what they start in the background."""
    ours = signal.signal(signal.SIGINT, inherited)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, ours)


def wait_for_bytes(drawn: Drawn, process: "subprocess.Popen[bytes]", sent_bytes: int) -> None:
    while drawn.archives.sent_bytes < sent_bytes:
        assert process.poll() is None, "it ended before it could be stopped"
        time.sleep(0.0005)  # there is nothing to wait on but the server's count


@pytest.mark.slow
def test_a_download_that_was_killed_five_times_ends_whole(offered: Callable[[str], Drawn]) -> None:
    drawn = offered("hiba")
    drawn.archives.pause_s = 0.002
    whole_bytes = sum(len(body) for body in drawn.whole.values())
    unfinished = 0
    for _ in range(KILLS):
        process = start(drawn)
        wait_for_bytes(drawn, process, drawn.archives.sent_bytes + whole_bytes // (KILLS + 2))
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        assert len(list(drawn.folder.rglob("*.jpg"))) < len(drawn.whole)
        unfinished += len(drawn.leftovers())
    drawn.archives.pause_s = 0.0
    ended = subprocess.run(command(drawn), capture_output=True, check=True)
    assert drawn.images() == drawn.whole
    assert drawn.leftovers() == []
    assert unfinished
    assert any(request.range for request in drawn.archives.asked("/signed/"))
    assert b"12 images in" in ended.stdout
    asked = len(drawn.archives.asked("/signed/"))
    assert b"nothing to fetch" in subprocess.run(command(drawn), capture_output=True, check=True).stdout
    assert len(drawn.archives.asked("/signed/")) == asked


@pytest.mark.slow
@pytest.mark.parametrize("inherited", [signal.SIG_IGN, signal.SIG_DFL], ids=["background", "foreground"])
def test_an_interrupted_download_stops_with_a_sentence(
    offered: Callable[[str], Drawn], inherited: signal.Handlers
) -> None:
    drawn = offered("hiba")
    drawn.archives.pause_s = 0.01
    with interrupts_are(inherited):
        process = start(drawn)
    wait_for_bytes(drawn, process, 12_000)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=10)
    assert process.returncode == 1
    assert said.endswith(b"dermasynth: stopped; run the same command again to continue\n")
    assert b"Traceback" not in said
    drawn.archives.pause_s = 0.0
    drawn.download()
    assert drawn.images() == drawn.whole

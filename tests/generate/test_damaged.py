"""Files of the working folder that a disk, an editor or a stranger has damaged: used as far as they go, or refused by
a sentence.
"""

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dermasynth_builder.cli import main
from dermasynth_builder.core.errors import LedgerError
from dermasynth_builder.generate.engines.batch.state import BatchState, shards_in
from dermasynth_builder.generate.retries import Retries
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.invented.specimens.pad_ufes import write_pad_ufes
from tests.support.fake_service import KEY
from tests.support.recited import request

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "half of it": lambda content: content[: len(content) // 2],
    "nothing": lambda _: b"",
    "NULs": lambda content: b"\0" * len(content),
    "NULs inside": lambda content: content[: len(content) // 3] + b"\0" * 50 + content[len(content) // 3 :],
    "a byte order mark": lambda content: b"\xef\xbb\xbf" + content,
    "line ends of Windows": lambda content: content.replace(b"\n", b"\r\n"),
    "bytes of no text": lambda content: content[: len(content) // 2] + b"\xff\xfe\xe9" + content[len(content) // 2 :],
    "depth without end": lambda _: b"[" * 200_000,
    "another form": lambda _: b'{"a": [1, null]}\n',
    "a list": lambda _: b"[1, 2]\n",
    "all of it twice": lambda content: content * 2,
    "a huge line": lambda content: content + b"a" * (3 << 20) + b"\n",
}
COPIES = ("*.jsonl", "*.retries", "*.rounds/*.json", "*.sqlite", "*.parquet", "servers.json")


def ran(*words: str | Path) -> tuple[int, str]:
    """Exit code and words of a command in this process; whatever it raises goes through."""
    with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
        code = main([str(word) for word in words])
    return code, out.getvalue() + err.getvalue()


@pytest.fixture(scope="module")
def fake() -> Iterator[FakeGemini]:
    with FakeGemini(shares={"safety": 0.1}) as service:
        yield service


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["gemini", "gemini_batch"])
def test_no_command_falls_over_whatever_file_is_damaged(
    engine: str, fake: FakeGemini, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    raw, work = write_pad_ufes(tmp_path / "raw", images=4, side_px=16), tmp_path / "work"
    asked = ("pad_ufes", "--raw", raw, "--engine", engine, "--base-url", fake.url, "--poll", "0.02")
    code, told = ran("generate", *asked, "--work", work, "--retry-rejected")
    assert code in (0, 1, 3), told
    kept = [path for pattern in COPIES for path in sorted(work.rglob(pattern))]
    assert len(kept) >= 3
    for path in kept:
        for name, damage in DAMAGE.items():
            copy = tmp_path / "copy"
            shutil.rmtree(copy, ignore_errors=True)
            shutil.copytree(work, copy)
            target = copy / path.relative_to(work)
            target.write_bytes(damage(path.read_bytes()))
            for words in (("status",), ("generate", *asked)):
                code, told = ran(*words, "--work", copy)
                assert code in (0, 1, 3), f"{target}, {name}: {told}"
                assert code != 1 or str(target) in told or "requests" in told, f"{target}, {name}: {told}"


@pytest.mark.parametrize("name", ["half of it", "NULs", "a byte order mark", "another form", "a list"])
def test_a_damaged_state_of_batches_is_told_with_what_it_is_for(name: str, tmp_path: Path) -> None:
    path = tmp_path / "gemini_batch-0.sqlite"
    with BatchState(path) as state:
        run = state.run
    whole = path.read_bytes()
    path.write_bytes(DAMAGE[name](whole))
    with pytest.raises(LedgerError, match="bring it back from a copy"):
        shards_in(path)
    with pytest.raises(LedgerError, match="bring it back from a copy"), BatchState(path):
        pass
    path.write_bytes(whole)
    with BatchState(path) as state:  # the lock is free again
        assert state.run == run


def test_a_state_that_is_gone_beside_its_shards_is_not_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "gemini_batch-0.sqlite"
    with BatchState(path) as state:
        state.file_of(1).write_text("{}")
    path.write_bytes(b"")
    with pytest.raises(LedgerError, match="it is empty"), BatchState(path):
        pass
    path.unlink()
    with pytest.raises(LedgerError, match="it is empty"), BatchState(path):
        pass
    state.file_of(1).unlink()
    with BatchState(path) as anew:
        assert anew.shards() == []


@given(st.lists(st.binary(max_size=40), max_size=5), st.booleans())
def test_what_was_asked_anew_is_found_among_any_lines(
    tmp_path_factory: pytest.TempPathFactory, lines: list[bytes], is_torn: bool
) -> None:
    path = tmp_path_factory.mktemp("retries") / "a.retries"
    path.write_bytes(b"\n".join(lines) + (b"" if is_torn else b"\n"))
    again = Retries(path).anew(request(0), ["form: the answer is empty"], request(0).key)
    assert again
    path.write_bytes(path.read_bytes() + b'{"first": "cut of')
    other = Retries(path).anew(request(1), ["form: the answer is empty"], request(1).key)
    assert other
    assert set(Retries(path).keys()) == {again.key, other.key}

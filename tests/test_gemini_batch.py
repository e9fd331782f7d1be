"""The engine `gemini_batch` with Google's SDK on a fake service: every row is settled once, whatever becomes of its job."""

from pathlib import Path

import pytest
from asking import KEY, by_key, picture_requests
from batching import Hours, gemini_batch, shards_of

from dermasynth_builder import replies
from dermasynth_builder.fake_gemini import FakeGemini


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def test_every_request_is_answered_by_a_job_with_its_provenance(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 12)
    with FakeGemini() as fake:
        got = by_key(gemini_batch(fake.url, tmp_path).answer(asked))
    assert got.keys() == {each.key for each in asked}
    for each in asked:
        reply = got[each.key]
        assert replies.turns(each, reply)
        assert (reply.model, reply.model_version) == ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite-001")
        assert reply.parameters["tier"] == "batch"
        assert str(reply.parameters["batch"]).startswith("batches/")
    assert sorted(fake.batches.created.values()) == [1, 1, 1]
    assert not fake.batches.files
    assert not fake.batches.jobs
    assert [(shard.rows, shard.state) for shard in shards_of(tmp_path)] == [(5, "done"), (5, "done"), (2, "done")]

"""The engine `gemini_batch` with Google's SDK on a fake: each row is settled once, whatever its job comes to."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest

from dermasynth_builder.core import registry
from dermasynth_builder.core.errors import EngineError, UsageError
from dermasynth_builder.core.options import BatchOptions, EngineOptions, MediaResolution
from dermasynth_builder.generate.engines.batch.shards import estimated_tokens, outcome_of_row
from dermasynth_builder.generate.engines.online.attempt import Attempts, Status
from dermasynth_builder.generate.ledger import NOBODYS_FAULT
from dermasynth_builder.generate.prices import load_prices
from dermasynth_builder.generate.run import Run
from dermasynth_builder.plan import reply_form
from tests.support.batches import Hours, gemini_batch, shards_of
from tests.support.fake_service import KEY, by_key, draw_picture, picture_requests, question_about
from tests.support.watched_gemini import WatchedGemini

DAY = date(2026, 11, 23)


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GOOGLE_API_KEY", raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", KEY)


def test_every_request_is_answered_by_a_job_with_its_provenance(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 12)
    with WatchedGemini() as fake:
        got = by_key(gemini_batch(fake.url, tmp_path).answer(asked, Run()))
    assert got.keys() == {each.key for each in asked}
    for each in asked:
        reply = got[each.key]
        assert reply_form.exchanges(each, reply)
        assert (reply.model, reply.model_version) == ("gemini-3.5-flash-lite", "gemini-3.5-flash-lite-fake")
        assert (reply.parameters["tier"], reply.cost_usd) == ("batch", 0.5)
        assert str(reply.parameters["batch"]).startswith("batches/")
    assert sorted(fake.created.values()) == [1, 1, 1]
    assert not fake.batches.files
    assert not fake.batches.jobs
    assert [(shard.rows, shard.state, shard.note) for shard in shards_of(tmp_path)] == [
        (5, "done", "SUCCEEDED; 5 of 5 rows back, 2.5000 USD"),
        (5, "done", "SUCCEEDED; 5 of 5 rows back, 2.5000 USD"),
        (2, "done", "SUCCEEDED; 2 of 2 rows back, 1.0000 USD"),
    ]


def test_a_job_that_expires_is_halved_until_its_parts_go_through(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 12)
    with WatchedGemini() as fake:
        fake.batches.ending = lambda job: "EXPIRED" if job.rows > 3 else "SUCCEEDED"
        got = by_key(gemini_batch(fake.url, tmp_path, most_rows=8).answer(asked, Run()))
    assert {reply.failure for reply in got.values()} == {None}
    assert len(got) == sum(fake.asked.values()) == 12
    shards = shards_of(tmp_path)
    assert [(shard.rows, shard.attempt) for shard in shards] == [
        (8, 1),
        (4, 1),
        (4, 2),
        (4, 2),
        (2, 2),
        (2, 2),
        *[(2, 3)] * 4,
    ]
    assert shards[0].note == "batch: EXPIRED; sent again as 3 and 4"


def test_rows_whose_jobs_always_expire_fail_by_name_after_four_attempts_and_are_asked_again(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 5)
    with WatchedGemini() as fake:
        fake.batches.ending = lambda _: "EXPIRED"
        got = by_key(gemini_batch(fake.url, tmp_path).answer(asked, Run()))
    assert {reply.failure for reply in got.values()} == {"batch: EXPIRED (4 attempts)"}
    assert {reply.parameters["tier"] for reply in got.values()} == {"batch"}
    assert "batch" in NOBODYS_FAULT
    assert len(got) == 5
    assert not fake.asked


def test_rows_that_fail_are_asked_again_or_kept_with_their_reason(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 60)
    shares = {"server": 0.1, "cut": 0.1, "broken": 0.1, "safety": 0.1, "always-server": 0.05}
    with WatchedGemini(seed=2, shares=shares) as fake:
        got = by_key(gemini_batch(fake.url, tmp_path, most_rows=20).answer(asked, Run()))
    assert len(got) == 60
    assert sum(reply.attempts for reply in got.values()) == sum(fake.asked.values()) > 70
    kinds = {str(reply.failure).partition(":")[0] for reply in got.values() if reply.failure}
    assert kinds == {"blocked", "server"}
    for reply in got.values():
        cut = int(reply.parameters["max_output_tokens"] or 0) > 4096
        assert not cut or reply.attempts > 1


def test_a_full_queue_is_waited_for_and_tokens_that_may_be_enqueued_are_counted(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 20)
    with WatchedGemini() as fake:
        fake.batches.most_tokens = 5 * 1200
        got = by_key(gemini_batch(fake.url, tmp_path).answer(asked, Run()))
        assert len(got) == 20
        assert set(fake.created.values()) == {1}
        fake.batches.most_tokens = 12 * 1200
        fake.created.clear()
        refused = fake.refused
        limited = gemini_batch(fake.url, tmp_path / "limited", enqueued_tokens=12 * 1200)
        assert len(by_key(limited.answer(asked, Run()))) == 20
        assert fake.refused == refused > 0
    assert len(fake.created) == 7  # a quarter of the tokens each: three rows


@pytest.mark.parametrize(
    ("model", "resolution", "image"),
    [
        ("gemini-3.8-flash", None, 1120),
        ("gemini-3.8-flash", "low", 280),
        ("gemini-2.5-flash-lite", "low", 1548),
        ("a-model", "medium", 560),
    ],
)
def test_tokens_are_estimated_by_the_rules_of_the_model(
    tmp_path: Path, model: str, resolution: MediaResolution | None, image: int
) -> None:
    request = replace(question_about(draw_picture(tmp_path / "0.jpg")), prompt="x" * 400, reply_schema="")
    options, family = EngineOptions(model, media_resolution=resolution), load_prices().image_family(model, DAY)
    assert estimated_tokens(Attempts(1, request, 4096, 0.0), options, family) == 100 + image
    assert estimated_tokens(Attempts(1, replace(request, image_path=None), 4096, 0.0), options, family) == 100


def test_a_job_whose_making_got_no_answer_is_found_and_not_made_again(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 5)
    with WatchedGemini() as fake:
        fake.held.add("created")
        clock = Hours(strike=lambda _: fake.held.clear())
        got = by_key(gemini_batch(fake.url, tmp_path, clock, timeout_s=1.0).answer(asked, Run()))
    assert len(got) == 5
    assert list(fake.created.values()) == [1]


def test_it_tells_how_its_shards_are_and_looks_less_often_while_nothing_happens(tmp_path: Path) -> None:
    notes: list[str] = []
    with WatchedGemini() as fake:
        fake.batches.looks_until_ended = 9

        def hurry(waits: int) -> None:
            if waits == 1:
                next(iter(fake.batches.jobs.values())).looks = 4

        clock = Hours(strike=hurry)
        run = Run()
        run.advance = lambda _: notes.append(run.note)
        assert len(by_key(gemini_batch(fake.url, tmp_path, clock).answer(picture_requests(tmp_path, 12), run))) == 12
    assert notes == ["shards: 3 pending", *["shards: 3 running"] * 4, *["shards: 2 running"] * 4, ""]
    assert clock.waits == [30, *[30 * 1.5**more for more in range(4)] * 2]


def test_a_second_job_of_the_same_name_is_cancelled(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 5)
    cancelled: set[str] = set()
    with WatchedGemini() as fake:
        fake.batches.looks_until_ended = 4

        def repeat(waits: int) -> None:
            (upload, *_), (job, *_) = fake.batches.files, fake.batches.jobs.values()
            if waits == 1:
                source = {"displayName": job.display_name, "inputConfig": {"fileName": upload}}
                fake.batches.create(job.model, {"batch": source})
            cancelled.update(each.name for each in fake.batches.jobs.values() if each.state == "CANCELLED")

        got = by_key(gemini_batch(fake.url, tmp_path, Hours(strike=repeat)).answer(asked, Run()))
    assert len(got) == 5
    assert len(cancelled) == 1
    assert not cancelled & {reply.parameters["batch"] for reply in got.values()}
    assert set(fake.asked.values()) == {1}


def test_rows_past_the_deadline_are_cancelled_and_asked_online_and_say_so(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 12)
    with WatchedGemini() as fake:
        fake.batches.looks_until_ended = 10**6
        got = by_key(gemini_batch(fake.url, tmp_path, deadline_h=5.5).answer(asked, Run()))
    assert len(got) == 12
    assert {(reply.parameters["tier"], reply.failure, reply.attempts) for reply in got.values()} == {
        ("standard", None, 2)
    }
    assert {reply.cost_usd for reply in got.values()} == {1.0}
    assert set(fake.asked.values()) == {1}
    assert {shard.note for shard in shards_of(tmp_path)} == {"asked online"}


@pytest.mark.parametrize(
    ("key", "options", "said"),
    [
        ("", {}, "set GEMINI_API_KEY"),
        ("wrong", {}, "API key not valid.*check the key.*run the same command again"),
        (KEY, {"base_url": "http://127.0.0.1:1"}, "connection: .*run the same command again"),
    ],
)
def test_a_service_that_cannot_be_asked_ends_the_run_with_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, options: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", key)
    with WatchedGemini() as fake, pytest.raises(EngineError, match=said) as raised:
        list(gemini_batch(options.get("base_url", fake.url), tmp_path).answer(picture_requests(tmp_path, 5), Run()))
    assert KEY not in str(raised.value)


def test_an_image_that_cannot_be_read_is_a_failure_and_the_others_go(tmp_path: Path) -> None:
    asked = picture_requests(tmp_path, 6)
    (tmp_path / "1.jpg").write_bytes(b"no image")
    with WatchedGemini() as fake:
        got = by_key(gemini_batch(f"{fake.url}/v1beta", tmp_path).answer(asked, Run()))
    failures = [got[each.key].failure for each in asked]
    assert [bool(failure) for failure in failures] == [False, False, True, True, False, False]
    assert str(failures[2]).startswith("image: 1.jpg cannot be read")


def test_the_identity_is_that_of_gemini_under_another_name_and_vertex_is_refused() -> None:
    options = EngineOptions(model="gemini-3.8-flash", thinking="low", batch=BatchOptions(most_rows=7))
    online, batch = registry.engine("gemini", options).identity, registry.engine("gemini_batch", options).identity
    assert {**online, "engine": "gemini_batch"} == batch
    with pytest.raises(UsageError, match="--engine gemini"):
        registry.engine("gemini_batch", EngineOptions(is_vertex=True))


@pytest.mark.parametrize(
    ("row", "status", "reason"),
    [
        ({"error": {"code": 13, "message": "oops"}}, Status.SERVER_ERROR, "server: 500 13: oops"),
        ({"error": {"code": 8, "message": "too much"}}, Status.SERVER_ERROR, "quota: 429 8: too much"),
        ({"error": {"code": 3, "message": "bad image"}}, Status.REFUSED, "refused: 400 3: bad image"),
        (
            {"error": {"code": 404, "message": "gone"}},
            Status.SERVER_ERROR,
            "batch: 404: gone; check --model and --base-url",
        ),
        ({"error": "torn"}, Status.SERVER_ERROR, "server: 500: torn"),
        ({"response": {"promptFeedback": {"blockReason": "OTHER"}}}, Status.BLOCKED, "blocked: prompt, OTHER"),
    ],
)
def test_a_row_of_results_says_what_a_response_would(row: dict[str, object], status: Status, reason: str) -> None:
    outcome = outcome_of_row(row)
    assert outcome
    assert (outcome.status, outcome.reason) == (status, reason)

"""Files and Batches of the fake Gemini, as Google's client meets them."""

import json
from io import BytesIO

import pytest
from google import genai
from google.genai import errors, types

from dermasynth_builder.invented.fake_gemini.service import FakeGemini

MODEL = "gemini-3.5-flash-lite"


def client_of(url: str, version: str) -> genai.Client:
    return genai.Client(
        api_key="any", vertexai=False, http_options=types.HttpOptions(base_url=url, api_version=version, timeout=5000)
    )


def lines_of(count: int) -> bytes:
    rows = [{"key": f"k{n}", "request": {"contents": [{"parts": [{"text": f"What is {n}?"}]}]}} for n in range(count)]
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


@pytest.mark.parametrize("version", ["v1", "v1beta"])
def test_a_file_becomes_a_job_whose_results_come_in_another_order(version: str) -> None:
    with FakeGemini() as fake:
        client = client_of(fake.url, version)
        file = client.files.upload(file=BytesIO(lines_of(20)), config={"mime_type": "application/jsonl"})
        assert (file.size_bytes, client.files.get(name=str(file.name)).state) == (len(lines_of(20)), "ACTIVE")
        job = client.batches.create(model=MODEL, src=str(file.name), config={"display_name": "a/1/1"})
        states = [client.batches.get(name=str(job.name)) for _ in range(2)]
        assert [each.state for each in (job, *states)] == [
            f"JOB_STATE_{s}" for s in ("PENDING", "RUNNING", "SUCCEEDED")
        ]
        assert states[-1].dest
        results = client.files.download(file=str(states[-1].dest.file_name)).splitlines()
        keys = [json.loads(line)["key"] for line in results]
        assert keys != sorted(keys, key=lambda key: int(key[1:]))
        assert set(keys) == {f"k{n}" for n in range(20)}
        client.files.delete(name=str(file.name))
        with pytest.raises(errors.ClientError, match="does not exist"):
            client.batches.create(model=MODEL, src=str(file.name))


def test_a_job_whose_file_is_deleted_before_its_end_fails_and_no_file_outlives_the_service() -> None:
    with FakeGemini() as fake:
        client = client_of(fake.url, "v1")
        files = [client.files.upload(file=BytesIO(lines_of(2)), config={"mime_type": "text/plain"}) for _ in range(2)]
        job = client.batches.create(model=MODEL, src=str(files[0].name))
        client.files.delete(name=str(files[0].name))
        states = [client.batches.get(name=str(job.name)).state for _ in range(2)]
        assert states == ["JOB_STATE_RUNNING", "JOB_STATE_FAILED"]
        (left,) = fake.batches.files.values()
        assert left.read_bytes() == lines_of(2)
    assert not left.parent.exists()


def test_inline_requests_keep_their_keys_and_jobs_are_listed_in_pages_cancelled_and_deleted() -> None:
    with FakeGemini() as fake:
        client = client_of(fake.url, "v1")
        rows = [types.InlinedRequest(contents=types.Content(parts=[types.Part(text="Why?")]), metadata={"key": "k"})]
        names = [client.batches.create(model=MODEL, src=rows, config={"display_name": "same"}).name for _ in range(7)]
        client.batches.cancel(name=str(names[0]))
        assert client.batches.get(name=str(names[0])).state == "JOB_STATE_CANCELLED"
        listed = list(client.batches.list(config={"page_size": 3}))
        assert [job.name for job in listed] == names[::-1]
        done = client.batches.get(name=str(names[1]))
        assert done.dest
        assert done.dest.inlined_responses
        (response,) = done.dest.inlined_responses
        assert response.metadata == {"key": "k"}
        assert response.response
        client.batches.delete(name=str(names[1]))
        assert len(list(client.batches.list())) == 6


def test_a_full_queue_is_a_429_without_details() -> None:
    with FakeGemini() as fake:
        fake.batches.most_tokens = 1
        client = client_of(fake.url, "v1")
        file = client.files.upload(file=BytesIO(lines_of(2)), config={"mime_type": "application/jsonl"})
        with pytest.raises(errors.ClientError) as raised:
            client.batches.create(model=MODEL, src=str(file.name))
    assert raised.value.code == 429
    assert "details" not in raised.value.details["error"]

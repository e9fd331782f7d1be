"""What `dermasynth push` refuses, what stops it, and how it goes on, against the loopback Hub."""

import json
import re
import shutil
import sys
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.invented.fake_gemini.service import FakeGemini
from dermasynth_builder.release.parquet import read_values
from tests.loopback_hub.client import run_process, run_script
from tests.loopback_hub.hub import HANG_UP, TOKEN, LoopbackHub
from tests.loopback_hub.push import CARD, COMMAND, REPO, SENDING, TAG, TRAIN, files_of, listed, published, push, sent
from tests.support.releases import Built

REFUSED = """
import contextlib, io, json, sys
from dermasynth_builder.cli import main
ended = []
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
        code = main(["push", *words])
    ended.append([code, out.getvalue(), err.getvalue()])
print(json.dumps(ended))
"""


def spoilt_releases(release: Path, root: Path) -> dict[str, Path]:
    """Copies of a release, each unfit to be pushed in its own way."""
    names = ("script", "stray", "rows", "shard", "torn", "image")
    copies = {name: shutil.copytree(release, root / name) for name in names}
    (copies["script"] / "dermasynth.py").write_text("")
    (copies["stray"] / "notes.txt").write_text("")
    card = copies["rows"] / CARD
    card.write_text(re.sub(r"num_examples: \d+", "num_examples: 1", card.read_text()))
    (copies["shard"] / TRAIN).unlink()
    (copies["torn"] / TRAIN).write_bytes((release / TRAIN).read_bytes()[:-1])
    content = bytearray((release / TRAIN).read_bytes())
    content[len(content) // 4] ^= 1
    (copies["image"] / TRAIN).write_bytes(content)
    return {**copies, "empty": Path(shutil.copytree(release / "data" / "pad_ufes", root / "empty"))}


def test_what_must_not_go_is_refused_before_any_request(built: Built, tmp_path: Path) -> None:
    spoilt = spoilt_releases(built.release, tmp_path)
    allowed = {name: [REPO, "--out", str(release), "--allow-template"] for name, release in spoilt.items()}
    unspoilt = ["--out", str(built.release), "--allow-template"]
    wanted = {
        "pad_ufes: there are rows that no model wrote": [REPO, "--out", str(built.release)],
        "dermasynth.py: a release holds no code": allowed["script"],
        "notes.txt is not named by the card": allowed["stray"],
        "says 1 rows of train, its files hold ": allowed["rows"],
        "no file for split train": allowed["shard"],
        "train-00000-of-00001.parquet cannot be read": allowed["torn"],
        "the image has other bytes than the row says": allowed["image"],
        "empty is not a release: it has no README.md": allowed["empty"],
        "nowhere is not a release": [REPO, "--out", str(tmp_path / "nowhere")],
        "'dermasynth' is not a repository name; write it as USER/NAME": ["dermasynth", *unspoilt],
        "'tester/derma/synth' is not a repository name": ["tester/derma/synth", *unspoilt],
        "as tester/derma synth: Repo id must": ["tester/derma synth", *unspoilt],
        "as tester/: Repo id must": ["tester/", *unspoilt],
    }
    with LoopbackHub() as hub:
        ended = run_script(hub, tmp_path / "home", REFUSED, json.dumps(list(wanted.values())))
        assert hub.requests == []
    for said, (code, out, err) in zip(wanted, ended, strict=True):
        assert (code, out) == (1, ""), said
        assert said in err
        assert err.splitlines()[-1].startswith("dermasynth: ")


@pytest.mark.slow
def test_invented_answers_say_so_in_every_row_and_on_the_card_and_are_not_pushed(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "any")
    with FakeGemini() as fake:
        options = EngineOptions(base_url=fake.url)
        release = build_release(specimens, tmp_path, engine="gemini", engine_options=options).release
    versions = {row["model_version"] for row in read_values((release / "data").rglob("*.parquet"), ["model_version"])}
    assert versions == {"gemini-3.5-flash-lite-fake"}
    card = (release / CARD).read_text()
    assert "> **Invented answers.**" in card
    assert "Models, as the service that answered names them, and their pairs: gemini-3.5-flash-lite-fake " in card
    with LoopbackHub() as hub:
        ended = push(hub, tmp_path / "home", release)
    assert (ended.code, ended.requests) == (1, [])
    assert "pad_ufes: there are answers that `dermasynth fake-gemini` has invented" in ended.err


@pytest.mark.slow
@pytest.mark.usefixtures("parrot")
def test_an_engine_without_a_model_is_held_back_and_named_on_the_card_whatever_its_name(
    specimens: Path, build_release: Callable[..., Built], tmp_path: Path
) -> None:
    release = build_release(specimens, tmp_path, engine="parrot").release
    assert "Rows with `engine = parrot` were put together by rules" in (release / CARD).read_text()
    with LoopbackHub() as hub:
        words = [[REPO, "--out", str(release), *more] for more in ([], ["--allow-template"])]
        (refused, allowed) = run_script(hub, tmp_path / "home", REFUSED, json.dumps(words))
    assert refused[0] == 1
    assert "pad_ufes: there are rows that no model wrote" in refused[2]
    assert allowed[0] == 0, allowed


CUT_OFFS: list[tuple[dict[str, Any], list[str]]] = [  # the fault, and what was sent
    ({"path_part": "/preupload/", "status": 507}, ["preupload"]),  # a 503 is tried again here
    ({"path_part": "/commit/"}, ["preupload", "lfs-objects", "commit"]),
    ({"path_part": "/status"}, ["preupload", "commit", "status"]),
    ({"path_part": "/merge"}, ["status", "merge"]),
    ({"path_part": "/tag/"}, ["merge", "tag"]),
    ({}, ["tag"]),
]


@pytest.mark.slow
def test_a_push_that_was_cut_off_goes_on_where_it_stopped(built: Built, tmp_path: Path) -> None:
    release = shutil.copytree(built.release, tmp_path / "release")
    for hidden in (".ipynb_checkpoints/copy.parquet", ".cache/huggingface/download/train.parquet"):
        (release / hidden).parent.mkdir(parents=True)
        (release / hidden).write_bytes(b"no part of the release")
    with LoopbackHub() as hub:
        for fault, steps in CUT_OFFS:
            if fault:
                hub.fail("POST", **fault)
            ended = push(hub, tmp_path / "home", release)
            assert [step for step, _ in groupby(step for step in sent(ended) if step in SENDING)] == steps
            assert len(hub.commits(REPO)) == (2 if "tag" in steps else 1)
            assert len(hub.pull_requests(REPO)) == 1
            assert ended.code == bool(fault)
            assert ("Injected fault. Push again to continue where it stopped" in ended.err) == bool(fault)
        assert (published(hub), set(hub.tags(REPO))) == (files_of(built.release), {TAG})
        spoil_bytes(release)
        assert listed(push(hub, tmp_path / "home", release, "--dry-run"))["changed"] == {TRAIN, CARD}


def spoil_bytes(release: Path) -> None:
    """Changes a letter of the card and one of the Parquet writer's name; neither file changes its size."""
    card, train = release / CARD, release / TRAIN
    card.write_bytes(card.read_bytes()[:-2] + b"?\n")
    train.write_bytes(train.read_bytes().replace(b"parquet-cpp-arrow", b"parquet-cpp-arroW"))


@pytest.mark.slow
def test_a_connection_that_breaks_is_told_in_words(built: Built, tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        hub.fail("POST", "/repos/create", status=HANG_UP)
        ended = push(hub, tmp_path, built.release)
    assert (ended.code, sent(ended)) == (1, ["validate-yaml", "repos/create"])
    assert f"the Hub did not take {built.release} as {REPO}: Server disconnected" in ended.err


@pytest.mark.slow
def test_a_card_that_the_hub_refuses_stops_the_push_before_the_data(built: Built, tmp_path: Path) -> None:
    release = shutil.copytree(built.release, tmp_path / "release")
    card = (release / CARD).read_text()
    (release / CARD).write_text(card.replace("license: cc-by-4.0", "license: my-own", 1))
    with LoopbackHub() as hub:
        ended = push(hub, tmp_path, release)
    assert (ended.code, sent(ended)) == (1, ["validate-yaml"])
    assert f'the Hub refuses {release / CARD}: "license" must be one of' in ended.err


@pytest.mark.slow
@pytest.mark.parametrize(
    ("repo", "token", "said"),
    [
        (REPO, "hf_wrong_secret", "Invalid credentials"),
        (REPO, "", "Invalid username or password"),
        ("other/dermasynth", TOKEN, "Forbidden"),
        ("nobody/dermasynth", TOKEN, "You don't have the rights to create a dataset under the namespace"),
    ],
    ids=["a wrong token", "no token", "a repository of another", "a name of another"],
)
def test_a_push_without_the_right_to_it_says_so(built: Built, tmp_path: Path, repo: str, token: str, said: str) -> None:
    with LoopbackHub() as hub:
        hub.add_repository("other/dermasynth")
        ended = push(hub, tmp_path, built.release, repo=repo, HF_TOKEN=token)
        assert [one.summary for one in hub.commits("other/dermasynth")] == ["initial commit"]
    assert ended.code == 1
    assert f"as {repo}: {said}" in ended.err
    assert "hf auth login" in ended.err
    assert not {"lfs-objects", "commit", "merge"} & set(sent(ended))


UPLOAD = (
    "import sys; from huggingface_hub import HfApi; api = HfApi()\n"
    f"api.create_repo('{REPO}', repo_type='dataset', exist_ok=True)\n"
    f"api.upload_file(repo_id='{REPO}', repo_type='dataset', path_or_fileobj=b'x', path_in_repo=sys.argv[1])"
)


@pytest.mark.slow
def test_files_of_the_owner_stay_and_those_that_would_be_rows_stop_the_push(built: Built, tmp_path: Path) -> None:
    own = ["extra/my_embeddings.parquet", "extra/train-00000-of-00001.parquet", "scores.parquet", "notes/README.md"]
    with LoopbackHub() as hub:
        for name in own:
            assert run_process(hub, tmp_path, sys.executable, "-c", UPLOAD, name).code == 0
        assert push(hub, tmp_path, built.release).code == 0
        assert push(hub, tmp_path, built.release).code == 0  # nothing of the owner's makes it another release
        assert set(published(hub)) == {*files_of(built.release), *own}
        assert run_process(hub, tmp_path, sys.executable, "-c", UPLOAD, "data/pad_ufes/train-mine.parquet").code == 0
        refused = push(hub, tmp_path, built.release, "--tag", "v8")
        assert (refused.code, sent(refused)) == (1, [])
        assert f"not pushed: {REPO} holds data/pad_ufes/train-mine.parquet, which `load_dataset` would" in refused.err
        assert set(own) < set(published(hub))


@pytest.mark.slow
def test_shards_that_a_push_of_another_release_has_left_are_not_mixed_in(built: Built, tmp_path: Path) -> None:
    left = "data/pad_ufes/train-00001-of-00002.parquet"
    with LoopbackHub() as hub:
        assert run_process(hub, tmp_path, sys.executable, "-c", UPLOAD, left).code == 0
        words = ("push", REPO, "--out", str(built.release), "--allow-template")
        refused = run_process(hub, tmp_path, sys.executable, "-c", COMMAND, *words)
        assert (refused.code, sent(refused)) == (1, [])
        assert "1 files of an older release would have to go" in refused.err
        assert left in refused.out
        assert push(hub, tmp_path, built.release, "--delete-old").code == 0
        assert published(hub) == files_of(built.release)


@pytest.mark.slow
def test_a_dry_run_tells_what_a_push_is_refused_for_and_needs_no_network(built: Built, tmp_path: Path) -> None:
    command = (sys.executable, "-c", COMMAND, "push", REPO, "--out", str(built.release), "--dry-run")
    with LoopbackHub() as hub:
        online = run_process(hub, tmp_path, *command)
        offline = run_process(hub, tmp_path, *command, HF_ENDPOINT="http://127.0.0.1:9")
    for ended in (online, offline):
        assert ended.code == 0
        assert "a push would be refused: pad_ufes: there are rows that no model wrote" in ended.err
        assert listed(ended) == {"new": set(files_of(built.release))}
    assert {one.method for one in online.requests} <= {"GET", "HEAD"}
    assert ("cannot reach the Hub" in online.err, "cannot reach the Hub" in offline.err) == (False, True)


@pytest.mark.slow
def test_a_dry_run_asks_a_hub_that_does_not_answer_once(built: Built, tmp_path: Path) -> None:
    """The Hub's client would ask five times, with pauses that double."""
    with LoopbackHub() as hub:
        hub.fail("GET", "/refs", status=HANG_UP)
        dry = push(hub, tmp_path, built.release, "--dry-run")
    assert (dry.code, len(dry.requests)) == (0, 1)
    assert "cannot reach the Hub" in dry.err
    assert listed(dry) == {"new": {*files_of(built.release)}}


@pytest.mark.slow
def test_a_repository_with_a_script_is_left_alone_until_it_is_gone(built: Built, tmp_path: Path) -> None:
    upload = (
        "from huggingface_hub import HfApi; api = HfApi()\n"
        f"api.create_repo('{REPO}', repo_type='dataset')\n"
        f"api.upload_file(repo_id='{REPO}', repo_type='dataset', path_or_fileobj=b'x', path_in_repo='dermasynth.py')"
    )
    with LoopbackHub() as hub:
        assert run_process(hub, tmp_path, sys.executable, "-c", upload).code == 0
        refused = push(hub, tmp_path, built.release)
        assert refused.code == 1
        assert f"{REPO} holds dermasynth.py" in refused.err
        assert sent(refused) == []


@pytest.mark.slow
def test_a_dry_run_tells_all_files_where_the_hub_cannot_be_reached(built: Built, tmp_path: Path) -> None:
    with LoopbackHub() as hub:
        dry = push(hub, tmp_path, built.release, "--dry-run", HF_HUB_OFFLINE="1")
        assert (dry.code, dry.requests) == (0, [])
        assert "cannot reach the Hub" in dry.err
        assert listed(dry) == {"new": {*files_of(built.release)}}
        assert push(hub, tmp_path, built.release, HF_HUB_OFFLINE="1").code == 1

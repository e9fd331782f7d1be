"""Effect: `dermasynth push` against the loopback Hub, and what it told and sent."""

import re
import sys
from pathlib import Path

from dermasynth_builder import __version__
from dermasynth_builder.release.card import with_repository
from tests.loopback_hub.client import Ended, run_process
from tests.loopback_hub.hub import TOKEN, LoopbackHub

REPO = "tester/dermasynth"
TAG = f"v{__version__}"
CARD = "README.md"
TRAIN = "data/pad_ufes/train-00000-of-00001.parquet"
ALLOWED = ("--allow-template", "--delete-old")
COMMAND = "from dermasynth_builder.cli import main; raise SystemExit(main())"
STEPS = (
    *("validate-yaml", "repos/create", "preupload", "objects/batch", "lfs-objects", "commit", "tag"),
    *("status", "merge", "discussions"),
)
SENDING = ("preupload", "lfs-objects", "commit", "status", "merge", "tag")  # the steps that offer or leave something


def push(hub: LoopbackHub, home: Path, release: Path, *words: str, repo: str = REPO, **variables: str) -> Ended:
    """Runs the command; it must neither fall over nor tell the token."""
    command = (sys.executable, "-c", COMMAND, "push", repo, "--out", str(release), *ALLOWED, *words)
    ended = run_process(hub, home, *command, **variables)
    assert "Traceback" not in ended.err
    token = variables.get("HF_TOKEN", TOKEN)
    assert not token or token not in ended.out + ended.err
    return ended


def sent(ended: Ended) -> list[str]:
    """The steps of a push that are no reading, in order."""
    asked = [one.path for one in ended.requests if one.method not in ("GET", "HEAD")]
    return [next(step for step in STEPS if re.search(f"/{step}(/|[?]|$)", path)) for path in asked]


def listed(ended: Ended) -> dict[str, set[str]]:
    """What the command says of each file, by what is to become of it."""
    names: dict[str, set[str]] = {}
    for label, name in re.findall(r"^  (new|changed|same|delete) .* (\S+)$", ended.out, re.MULTILINE):
        names.setdefault(label, set()).add(name)
    return names


def files_of(release: Path) -> dict[str, bytes]:
    """The files of a release by their path in the repository, as they are pushed, less hidden ones."""
    paths = (path.relative_to(release) for path in release.rglob("*") if path.is_file())
    files = {path.as_posix(): (release / path).read_bytes() for path in paths if not path.parts[0].startswith(".")}
    return files | {CARD: with_repository(files[CARD].decode(), REPO).encode()}


def published(hub: LoopbackHub, revision: str = "main") -> dict[str, bytes]:
    """The files of the repository, less the one that the Hub made itself."""
    files = hub.files(REPO, revision)
    del files[".gitattributes"]
    return files

"""Recipes as a user of the command meets them."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from dermasynth_builder.cli import COMMANDS, OLD_SPELLINGS, main
from dermasynth_builder.cli.command import raw_folders
from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import Settings
from dermasynth_builder.core.recipe import read_recipe
from dermasynth_builder.core.reporter import SilentReporter
from dermasynth_builder.release.folder import verify
from tests.support.downloads import Drawn

Output = pytest.CaptureFixture[str]

TEN = """
seed = 7
is_permissive_only = true
split_shares = [0.6, 0.2, 0.2]
max_side_px = 64
out = "released"
work = "worked"
[plan_options]
self_instruct_share = 0.0
rounds = 1
limit = 9
[engine_options]
image_side_px = 500
"""
SPELLINGS = {
    "demo": "--images --work --out",
    "audit": "--raw --json --figure --verify --work --whole-table",
    "download": "--to --from --limit --accept-licence --jobs",
    "questions": "--json --figure",
    "specimens": "--to --images --layout",
    "plan": "--raw --seed --metadata --self-instruct --conversations --rounds --together --limit --where --licence "
    "--strict --engine --work --out --model --thinking --media-resolution --max-output-tokens --image-side --show "
    "--json --whole-table",
    "cost": "--raw --seed --metadata --self-instruct --conversations --rounds --together --limit --where --licence "
    "--strict --model --prices --media-resolution --thinking --image-tokens --rpm --tpm --from-ledger --json --work "
    "--whole-table",
    "generate": "--raw --engine --model --retry-failed --pilot --dry-run --concurrency --rpm --tpm --rpd "
    "--usd-per-10-min --max-usd --base-url --timeout --vertex --allow-version-change --shard --batch-rows "
    "--enqueued-tokens --deadline --poll",
    "release": "--raw --engine --model --partial --splits --max-side",
    "build": "--raw --engine --model --retry-failed --pilot --dry-run --concurrency --rpm --max-usd --shard "
    "--batch-rows --poll --partial --splits --max-side --limit --where",
    "merge": "--allow-version-change --work",
    "cancel": "--base-url --work",
    "push": "--out --tag --private --allow-template --dry-run",
    "status": "--work --out",
    "failures": "-n --work",
    "show": "-n --skip --where --open --image --out",
    "fake-gemini": "--port --seed --latency-ms --rpm --rpd --fault --job-looks --job-tokens",
}
"""Options by which scripts call the commands."""


@pytest.fixture
def here(specimens: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of one's own with raw images in it."""
    shutil.copytree(specimens, tmp_path / "photographs")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str) -> int:
    return main(list(words))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.*") if path.is_file()}


def test_init_and_build_need_no_option_where_raw_images_lie(here: Path, capsys: Output) -> None:
    assert run("init") == 0
    assert "pad_ufes: photographs\n" in capsys.readouterr().out
    assert run("build") == 0
    assert "settings from recipe.toml" in capsys.readouterr().err
    assert list(verify(here / "dermasynth", SilentReporter())) == ["sample", "pad_ufes", "all"]
    assert run("init") == 2
    assert "recipe.toml exists already" in capsys.readouterr().err


def test_init_without_raw_images_says_what_to_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("init") == 0
    assert "found no raw release here" in capsys.readouterr().out
    assert read_recipe(Path("recipe.toml")) == Settings(raw={})
    assert run("plan") == 2
    assert "no source is named" in capsys.readouterr().err


def test_a_recipe_says_all_and_the_last_run_says_it_again(here: Path, capsys: Output) -> None:
    Path("my.toml").write_text(f'raw.pad_ufes = "photographs"\n{TEN}', encoding="utf-8")
    assert run("generate", "--recipe", "my.toml") == 0
    capsys.readouterr()
    assert run("generate", "--work", "worked") == 0
    printed = capsys.readouterr()
    assert "0 answered" in printed.out
    assert "settings from worked/recipe.toml" in printed.err
    assert run("release", "--work", "worked") == 0
    assert run("status", "--work", "worked") == 0
    assert "released: pairs by split" in capsys.readouterr().out
    assert read_recipe(Path("worked/recipe.toml")) == read_recipe(Path("my.toml"))
    assert read_recipe(Path("released/recipe.toml")).max_side_px == 64


def test_options_override_a_recipe_one_by_one(here: Path, capsys: Output) -> None:
    Path("recipe.toml").write_text(f'raw.pad_ufes = "photographs"\n{TEN}', encoding="utf-8")
    words = ("--seed", "8", "--licence", "any", "--splits", "100/0/0", "--self-instruct", "50", "--work", "other")
    assert run("build", *words, "--no-together") == 0
    used = read_recipe(Path("other/recipe.toml"))
    assert (used.seed, used.is_permissive_only, used.split_shares, used.max_side_px) == (8, False, (1.0, 0.0, 0.0), 64)
    assert (used.plan_options.self_instruct_share, used.plan_options.limit) == (0.5, 9)


def test_sources_that_are_named_are_not_those_of_the_last_run(here: Path, capsys: Output) -> None:
    assert run("build", "pad_ufes", "--raw", "photographs", "--seed", "5") == 0
    assert run("plan", "pad_ufes", "--raw", "photographs") == 0
    assert "settings from" not in capsys.readouterr().err
    assert run("plan") == 0
    assert "settings from build/recipe.toml" in capsys.readouterr().err


def test_a_release_is_built_again_from_its_own_recipe_byte_for_byte(here: Path) -> None:
    words = ("--seed", "11", "--splits", "50/25/25", "--max-side", "80", "--conversations", "30", "--limit", "10")
    assert run("build", "pad_ufes", "--raw", "photographs", *words) == 0
    again = ("--raw", "photographs", "--work", "w", "--out", "again")
    assert run("build", "--recipe", "dermasynth/recipe.toml", *again) == 0
    assert contents(here / "again") == contents(here / "dermasynth")
    assert str(here) not in (here / "again" / "recipe.toml").read_text("utf-8")


def test_a_recipe_with_three_mistakes_names_all_three(here: Path, capsys: Output) -> None:
    Path("recipe.toml").write_text('sede = 1\nengine = "gemni"\n[plan_options]\nrounds = "two"\n', encoding="utf-8")
    assert run("plan") == 2
    told = capsys.readouterr().err
    for part in ("recipe.toml: sede is not one of", "did you mean 'seed'?", "engine: 'gemni'", "plan_options.rounds:"):
        assert part in told


@pytest.mark.parametrize("name", SPELLINGS)
def test_every_spelling_that_scripts_use_is_there(name: str) -> None:
    assert set(SPELLINGS[name].split()) <= spellings(name)


def spellings(name: str) -> set[str]:
    """The options of a command."""
    options = (each for each in COMMANDS[name].parameters if each.kind is each.KEYWORD_ONLY)
    return {each.annotation.__metadata__[0].name[0] for each in options}


@pytest.mark.parametrize("old", OLD_SPELLINGS)
def test_an_option_that_was_renamed_is_told_by_its_new_name(old: str, capsys: Output) -> None:
    assert main(["plan", "pad_ufes", "--raw", "x", old]) == 2
    assert f"{old} is now {OLD_SPELLINGS[old]}" in capsys.readouterr().err


def test_help_shows_five_options_first_and_a_bare_command_helps(capsys: Output) -> None:
    for name in ("plan", "cost", "generate", "release", "build"):
        assert run(name, "--help") == 0
        first = re.findall(
            r"^│ +(-\S+)", capsys.readouterr().out.partition("Most used")[2].partition("╰")[0], re.MULTILINE
        )
        assert len(first) == 5
    assert run() == 2  # a script whose variable is empty must not go on
    assert "Commands" in capsys.readouterr().out


def test_shells_complete_commands_and_options(tmp_path: Path, capsys: Output) -> None:
    from dermasynth_builder.cli import make_app

    script = make_app(COMMANDS).generate_completion(shell="bash")  # noqa: S604 - a name of a shell
    assert "generate" in script
    assert "--self-instruct" in script


def test_every_command_that_follows_a_recipe_takes_one(capsys: Output) -> None:
    takes = {name for name, command in COMMANDS.items() if "--recipe" in spellings(name)}
    assert {*COMMANDS} - takes == {"demo", "init", "sources", "questions", "specimens", "fake-gemini"}


def test_a_recipe_in_the_folder_is_all_that_any_command_needs(here: Path, capsys: Output) -> None:
    Path("recipe.toml").write_text(f'raw.pad_ufes = "photographs"\n{TEN}', encoding="utf-8")
    for words in (
        ["audit"],
        ["plan"],
        ["cost", "--model", "gemini-3.8-flash"],
        ["generate"],
        ["generate"],
        ["release"],
    ):
        assert run(*words) == 0, words
    capsys.readouterr()
    for words in (["status"], ["failures"], ["show"], ["cancel"]):
        assert run(*words) == 0, words
    printed = capsys.readouterr().out
    assert "worked/ledgers/template-" in printed
    assert "released: pairs by split" in printed
    assert {path.name for path in here.iterdir()} == {
        "photographs",
        "recipe.toml",
        "worked",
        "released",
        ".released.lock",
    }


def test_a_download_goes_where_the_recipe_reads(
    offered: Callable[[str], Drawn], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Output
) -> None:
    offered("hiba")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    Path("recipe.toml").write_text('raw.hiba = "photographs"\n', encoding="utf-8")
    assert run("download", "hiba", "--limit", "2", "--accept-licence") == 0
    assert len([*Path("photographs").rglob("*.jpg")]) == 2
    assert not Path("data").exists()


def test_folders_are_those_of_the_sources_that_are_named() -> None:
    known = {"hiba": Path("a"), "scin": Path("b")}
    assert raw_folders(["hiba"], [], known) == {"hiba": Path("a")}
    assert raw_folders([], [], known) == known
    assert raw_folders([], ["scin=c"], known) == {"hiba": Path("a"), "scin": Path("c")}
    assert raw_folders(["hiba", "scin"], ["d"], known) == {"hiba": Path("d/hiba"), "scin": Path("d/scin")}
    with pytest.raises(UsageError, match="--raw c d: with several folders"):
        raw_folders(["hiba"], ["c", "d"])

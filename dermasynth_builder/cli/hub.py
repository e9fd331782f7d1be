"""The commands about what others have: download from the official hosts, push to the Hub, verify a release."""

from pathlib import Path
from typing import Annotated

from dermasynth_builder.cli.command import RECIPE_ALONE, Chosen, command, raw_folders
from dermasynth_builder.core.errors import ReleaseError
from dermasynth_builder.core.hub_options import DownloadOptions, PushOptions
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import Settings


@command(
    RECIPE_ALONE,
    own=DownloadOptions,
    example="dermasynth download hiba --to data/hiba --limit 60 --accept-licence",
    first=("--to", "--recipe", "--limit", "--accept-licence", "--from"),
)
def download(
    settings: Settings,
    chosen: Chosen,
    source: Annotated[str, Option("the source", metavar="SOURCE")],
    /,
    *,
    to: Annotated[
        Path | None,
        Option("folder of the raw release (default: the recipe's, else data/SOURCE)", "--to", metavar="DIR"),
    ] = None,
) -> None:
    """Fetch a raw release from its official host, checked and resumable.

    Stopped or killed, the same command goes on where it was; run on a whole folder it fetches no image. Sizes and
    published hashes are checked, and every image to its end. Files that do not come are listed in
    DIR/not-downloaded.csv.

    The licence is shown first and has to be accepted once; that is kept in ~/.config/dermasynth/licences.json (or below
    XDG_CONFIG_HOME). A mirror of a host is named by DERMASYNTH_ISIC_URL, DERMASYNTH_DATAVERSE_URL,
    DERMASYNTH_MENDELEY_URL or DERMASYNTH_BUCKET_URL in the environment.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.read.download import download

    folder = to or settings.raw.get(source) or Path("data", source)
    download(DownloadOptions(source=source, folder=folder, **chosen), TerminalReporter())


@command(
    "--out",
    own=PushOptions,
    example="dermasynth push USER/dermasynth --dry-run",
    first=("--out", "--tag", "--private", "--pr", "--dry-run"),
)
def push(
    settings: Settings,
    chosen: Chosen,
    repo: Annotated[str, Option("the dataset repository; made if it is not there", metavar="USER/NAME")],
    /,
) -> None:
    """Send a release to the Hugging Face Hub.

    Each image is held against its hash before: 2 s a GB. All files go into one pull request, merged when it is whole:
    nobody ever loads half of it. Cut off, the same command goes on where it was.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter, confirm
    from dermasynth_builder.release.push import push

    push(PushOptions(release=settings.out, repo=repo, **chosen), TerminalReporter(), confirm)


@command(example="dermasynth verify USER/dermasynth@v0.1.0 --raw data", first=("--raw", "--ledgers"))
def verify(
    release: Annotated[str, Option("its folder, or USER/NAME@TAG on the Hub", metavar="RELEASE")],
    /,
    *,
    raw: Annotated[list[str] | None, Option("raw images, as for `dermasynth build`", "--raw", metavar="DIR")] = None,
    ledgers: Annotated[
        Path | None,
        Option(
            "its replies, WORK/ledgers, with the reviews beside; needed where a model or a person wrote them",
            "--ledgers",
            metavar="DIR",
        ),
    ] = None,
) -> None:
    """Build a release again from its recipe, its replies and your raw images, and compare every byte.

    Exit code 1 where a file differs; the first row and column that do are named.
    """
    from tempfile import TemporaryDirectory

    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.report.proof import fetched, proof_text, prove, recipe_in

    with TemporaryDirectory(prefix="dermasynth-") as folder:
        there = fetched(release, Path(folder))
        folders = raw_folders(list(recipe_in(there).raw), raw or ())
        proof = prove(there, folders, ledgers, report=TerminalReporter())
    if not proof.is_whole:
        raise ReleaseError(f"{release} is not what its recipe makes here. {proof_text(proof)}")
    print(proof_text(proof))

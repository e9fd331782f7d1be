"""The commands that need the network: download from the official hosts, push to the Hub."""

from pathlib import Path
from typing import Annotated

from dermasynth_builder.cli.command import Chosen, command
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import DownloadOptions, PushOptions, Settings


@command(
    own=DownloadOptions,
    example="dermasynth download hiba --to data/hiba --limit 60 --accept-licence",
    first=("--to", "--limit", "--accept-licence", "--from", "--jobs"),
)
def download(
    chosen: Chosen,
    source: Annotated[str, Option("the source", metavar="SOURCE")],
    /,
    *,
    to: Annotated[
        Path | None, Option("folder of the raw release (default: data/SOURCE)", "--to", metavar="DIR")
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

    download(DownloadOptions(source=source, folder=to or Path("data", source), **chosen), TerminalReporter())


@command(
    "--out",
    own=PushOptions,
    example="dermasynth push USER/dermasynth --dry-run",
    first=("--out", "--tag", "--private", "--allow-template", "--without-statistics", "--dry-run"),
)
def push(
    settings: Settings,
    chosen: Chosen,
    repo: Annotated[str, Option("the dataset repository; made if it is not there", metavar="USER/NAME")],
    /,
) -> None:
    """Send a release to the Hugging Face Hub.

    Each image is held against its hash before: 2 s a GB.
    """
    from dermasynth_builder.cli.terminal import TerminalReporter
    from dermasynth_builder.release.push import push

    push(PushOptions(release=settings.out, repo=repo, **chosen), TerminalReporter())

"""What is fetched from where the image sets are published, and what is sent to the Hub."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from dermasynth_builder import __version__
from dermasynth_builder.core.option import Option

DEFAULT_JOBS = 8  # files downloaded at the same time


@dataclass(frozen=True, slots=True)
class DownloadOptions:
    """What to download, and how."""

    source: str
    folder: Path  # made if it is not there
    host: Annotated[str, Option("derm12345: dataverse (default) or isic", "--from", metavar="HOST")] = ""
    limit: Annotated[int | None, Option("N images, of as many diagnoses as can be (default: all)", "--limit")] = None
    jobs: Annotated[int, Option("files at the same time", "--jobs")] = DEFAULT_JOBS
    is_licence_accepted: Annotated[bool, Option("you agree to the licence; remembered", "--accept-licence")] = False


@dataclass(frozen=True, slots=True)
class PushOptions:
    """What to push, where to, and what may go."""

    release: Path
    repo: str  # "user/name"
    tag: Annotated[str, Option("tag of this release", "--tag", metavar="TAG")] = f"v{__version__}"
    is_private: Annotated[bool, Option("make the repository private if it is made now", "--private")] = False
    is_template_allowed: Annotated[bool, Option("push rows that no model wrote too", "--allow-template")] = False
    is_without_statistics: Annotated[
        bool, Option("push although the page of a split would show no statistics", "--without-statistics")
    ] = False
    is_deletion_allowed: Annotated[
        bool, Option("delete the shards of an older release without asking", "--delete-old")
    ] = False
    is_pull_request: Annotated[bool, Option("leave the pull request open for somebody to merge", "--pr")] = False
    is_dry: Annotated[bool, Option("show what would be sent, and send nothing", "--dry-run")] = False

"""What a run was asked to do. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

DEFAULT_SEED = 2025
DEFAULT_JOBS = 8  # files downloaded at the same time
DEFAULT_SPLITS = (0.90, 0.05, 0.05)  # shares of the groups: train, validation, test


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What shapes the requests of a run, beside the images, the banks and the seed."""

    self_instruct_share: float = 1 / 12  # of all pairs, at most 1/2: questions that the engine writes itself
    conversation_share: float = 0.0  # of the images: a conversation takes the place of their general question
    rounds: int = 2  # of self-instruct: each shows questions that were accepted in those before
    is_metadata_shown: bool = True  # whether the engine is told the facts
    is_together: bool = False  # both questions of an image go out in one request


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the stages need to know beside their input."""

    raw: Mapping[str, Path]  # source -> folder of its raw release
    work: Path = Path("build")  # image index, ledgers, lists of problems and rejects
    out: Path = Path("dermasynth")  # the release
    engine: str = "template"
    seed: int = DEFAULT_SEED
    options: PlanOptions = PlanOptions()
    split_shares: tuple[float, float, float] = DEFAULT_SPLITS
    max_side_px: int | None = None  # published images are scaled down to it; None: they keep their size
    is_permissive_only: bool = False  # leave out images that may not be used commercially with attribution alone
    is_strict: bool = False  # a problem in a raw release ends the run
    is_missing_allowed: bool = False  # plan for images whose files are not there
    is_failed_wanted: bool = False  # ask earlier failures again
    is_partial_allowed: bool = False  # release although some requests have no reply
    is_verified: bool = False  # decode every image in full
    is_specimen: bool = False  # the raw releases are drawn specimens

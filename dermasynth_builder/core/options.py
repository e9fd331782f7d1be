"""What a run was asked to do: plain values, which can be compared, written down and sent to another process.

Each field says beside it how it is told on the command line and in a recipe; see `core.option.Option`.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le

from dermasynth_builder.core.folder_options import NO_FOLDER, FolderOptions
from dermasynth_builder.core.option import Option, json_object, percent, shard_of, shares_of
from dermasynth_builder.core.outbound import base_fault

BATCHES = "batches"  # folder in the working folder
SERVERS = "servers.json"  # file in it
RECIPE = "recipe.toml"  # in the current folder, beside the ledgers, in a release
WITHDRAWN = "withdrawn.csv"  # in the current folder, in a release
DEFAULT_SEED = 2025
DEFAULT_SPLITS = (0.90, 0.05, 0.05)  # shares of the groups: train, validation, test

ImageFamily = Literal["resolution", "tiles"]  # how a model counts the tokens of an image
Thinking = Literal["off", "minimal", "low", "medium", "high", "xhigh"]
PngAs = Literal["png", "jpeg"]
ServiceTier = Literal["standard", "flex"]
Prompt = Literal["full", "plain"]
MediaResolution = Literal["low", "medium", "high"]
Resolution = Literal["low", "medium", "high", "ultra_high"]  # all that are priced
Privacy = Literal["standard", "full"]  # see `read.privacy`
LookChoice = Literal["first", "together", "off"]  # `records.LookMode`
Control = Literal["blank", "swapped"]  # see `read.controls`
Rows = Literal["with_image", "with_image_or_all", "all"]
"""Of a source's tables: those whose image is on disk; the same, but all where no image is; all."""

WHERE = Option(
    'only images with one of these values, as "diagnosis=melanoma,nevus"; several must all hold',
    "--where",
    "images",
    "FIELD=VALUE,...",
    scope="release",
)

_ABOVE_ZERO = Gt(0)
_SHARE = (Ge(0), Le(1))
_VERIFY = (
    "decode every image again, at 5 (JPEG) to 30 (PNG) ms a megapixel and core; else files that are known and have the "
    "same size and time are not opened"
)


def _told(said: str, flag: str) -> Option:
    return Option(said, flag, "questions", scope="release", words={"shown": True, "hidden": False})


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """How an engine hands in its requests in batches."""

    most_rows: Annotated[
        int,
        Option("rows of a shard, which is one job: small ones lose little when they expire", "--batch-rows", "batches"),
        _ABOVE_ZERO,
    ] = 2000
    most_bytes: Annotated[int, Option("bytes of a shard; Google takes 2 GB", topic="batches"), _ABOVE_ZERO] = (
        500_000_000
    )
    enqueued_tokens: Annotated[
        int | None,
        Option(
            "tokens that may wait at once in all jobs (default: until the service says that it is full)",
            "--enqueued-tokens",
            "batches",
        ),
        _ABOVE_ZERO,
    ] = None
    deadline_h: Annotated[
        float | None,
        Option(
            "cancel a job that takes longer, and ask its rows online at the full price",
            "--deadline",
            "batches",
            "HOURS",
        ),
        _ABOVE_ZERO,
    ] = None
    is_paying_again: Annotated[
        bool,
        Option(
            "ask rows again whose paid results are lost, or whose job was cancelled at the service",
            "--pay-again",
            "batches",
            scope="once",
        ),
    ] = False
    poll_s: Annotated[
        float,
        Option("seconds between two looks at the jobs; more while nothing happens", "--poll", "batches", "S"),
        _ABOVE_ZERO,
    ] = 30.0


@dataclass(frozen=True, slots=True)
class EngineOptions:
    """How an engine asks its model. Engines that ask none pass over it."""

    # What can change an answer, and is part of the engine's identity
    model: Annotated[
        str | None, Option("name of the model (default: the engine's own)", "--model", "model", "NAME", scope="release")
    ] = None
    thinking: Annotated[
        Thinking | None,
        Option("how long the model thinks (default: its own level)", "--thinking", "model", "LEVEL", scope="release"),
    ] = None
    media_resolution: Annotated[
        MediaResolution | None,
        Option(
            "how finely Gemini looks at images: 280, 560 or 1,120 tokens each (default: the model's own)",
            "--media-resolution",
            "model",
            "LEVEL",
            scope="release",
        ),
    ] = None
    prompt: Annotated[
        Prompt,
        Option(
            "of the engine openai: full, the prompt with facts and rules, and a reply in JSON; plain, the question as "
            "`dermasynth train` asks it, and a reply in prose, for a model that was tuned",
            "--prompt",
            "model",
            "full|plain",
            scope="release",
        ),
    ] = "full"
    max_output_tokens: Annotated[
        int,
        Option(
            "most tokens of an answer, thinking included; doubled for one that was cut off",
            "--max-output-tokens",
            "model",
            scope="release",
        ),
        _ABOVE_ZERO,
    ] = 4096
    image_side_px: Annotated[
        int,
        Option("send larger images with N pixels a side", "--image-side", "model", scope="release"),
        _ABOVE_ZERO,
    ] = 1024
    image_quality: Annotated[
        int, Option("of the JPEG that is then made", topic="model", scope="release"), Ge(1), Le(100)
    ] = 90
    png_as: Annotated[
        PngAs,
        Option(
            "how PNGs go that need not be made smaller: png, as they are; jpeg, as JPEG where that has fewer bytes",
            "--png-as",
            "model",
            "png|jpeg",
            scope="release",
        ),
    ] = "png"
    body: Annotated[
        str | None,
        Option(
            "members of every request, added or changed; null takes one out, as "
            '\'{"chat_template_kwargs": {"enable_thinking": false}}\'',
            "--body",
            "model",
            "JSON",
            scope="release",
            read=json_object,
        ),
    ] = None
    # What can not
    tier: Annotated[
        ServiceTier | None,
        Option(
            "Gemini's service tier: flex costs half and takes up to 15 minutes an answer (default: standard)",
            "--tier",
            "pace",
            "TIER",
        ),
    ] = None
    base_url: Annotated[
        str | None,
        Option("address of another server; of several with one model: URL,URL (openai)", "--base-url", "pace", "URL"),
    ] = None
    is_vertex: Annotated[
        bool,
        Option(
            "Gemini on Vertex, by Google Cloud's default credentials, GOOGLE_CLOUD_PROJECT and GOOGLE_CLOUD_LOCATION "
            "(default: global)",
            "--vertex",
            "pace",
        ),
    ] = False
    concurrency: Annotated[int, Option("most requests at the same time", "--concurrency", "pace"), _ABOVE_ZERO] = 64
    timeout_s: Annotated[
        float | None, Option("seconds for one attempt (default: the engine's)", "--timeout", "pace", "S"), _ABOVE_ZERO
    ] = None
    requests_per_minute: Annotated[float | None, Option("most requests a minute", "--rpm", "pace"), _ABOVE_ZERO] = None
    tokens_per_minute: Annotated[float | None, Option("most tokens a minute", "--tpm", "pace"), _ABOVE_ZERO] = None
    requests_per_day: Annotated[
        int | None, Option("most requests a day, by all runs in WORK; a run stops there", "--rpd", "pace"), _ABOVE_ZERO
    ] = None
    usd_per_10_minutes: Annotated[
        float | None, Option("most dollars in any ten minutes", "--usd-per-10-min", "pace", "USD"), _ABOVE_ZERO
    ] = None
    batch: BatchOptions = BatchOptions()

    def __post_init__(self) -> None:
        """Raises ValueError where `body` is no JSON object, or nothing may be sent to `base_url`."""
        for address in self.base_url.replace(", ", ",").split(",") if self.base_url is not None else ():
            if fault := base_fault(address):
                raise ValueError(f"base_url: {fault}")
        if self.body is not None:
            object.__setattr__(self, "body", json_object(self.body))


DEFAULT_OPTIONS = EngineOptions()


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """What shapes the requests of a run, beside the images, the banks and the seed. Raises ValueError for too much."""

    self_instruct_share: Annotated[
        float,
        Option(
            "share of the pairs whose question the engine writes itself, at most a half",
            "--self-instruct",
            "questions",
            "PERCENT",
            scope="release",
            read=percent,
        ),
        *_SHARE,
    ] = 1 / 12
    conversation_share: Annotated[
        float,
        Option(
            "share of the images that get a conversation in place of their general question",
            "--conversations",
            "questions",
            "PERCENT",
            scope="release",
            read=percent,
        ),
        *_SHARE,
    ] = 0.0
    counterfactual_share: Annotated[
        float,
        Option(
            "share of the pairs whose question rests on what is not so or not shown, answered with why it cannot be "
            "answered; at most a half",
            "--counterfactual",
            "questions",
            "PERCENT",
            scope="release",
            read=percent,
        ),
        Ge(0),
        Le(0.5),
    ] = 0.0
    rounds: Annotated[
        int,
        Option(
            "rounds of self-instruct, each showing questions accepted before", "--rounds", "questions", scope="release"
        ),
        _ABOVE_ZERO,
    ] = 2
    is_metadata_shown: Annotated[
        bool,
        Option(
            "whether the engine is told the recorded facts; the questions are the same",
            "--metadata",
            "questions",
            scope="release",
            words={"shown": True, "hidden": False},
        ),
    ] = True
    is_together: Annotated[
        bool,
        Option(
            "both questions of an image in one request: about 30 % cheaper", "--together", "questions", scope="release"
        ),
    ] = False
    is_measured_shown: Annotated[
        bool, _told("whether a model is told what was measured on the image's pixels", "--measured")
    ] = False
    is_expected_shown: Annotated[
        bool,
        _told(
            "whether a model is told what the recorded diagnosis shows in general, as what may be absent", "--expected"
        ),
    ] = False
    look: Annotated[
        LookChoice | None,
        Option(
            "first: a model says what it sees before it is told label and history; together: in the same request, "
            "before the answer; off: not at all (default: first for models)",
            "--look",
            "questions",
            "WHEN",
            scope="release",
        ),
    ] = None
    control: Annotated[
        Control | None,
        Option(
            "blank: show a grey picture in place of each image; swapped: show another patient's. To measure with "
            "`dermasynth compare`; never released (default: each image itself)",
            "--control",
            "questions",
            "PICTURE",
        ),
    ] = None
    limit: Annotated[
        int | None,
        Option(
            "at most N images of each source, over as many diagnoses as possible, the same on each run (default: all)",
            "--limit",
            "images",
            scope="release",
        ),
        _ABOVE_ZERO,
    ] = None
    where: Annotated[tuple[str, ...], WHERE] = ()

    @property
    def is_part(self) -> bool:
        """Whether not all images of a source are asked about."""
        return self.limit is not None or bool(self.where)

    def values(self) -> dict[str, Any]:
        """All that is set, as plain values; what came later only where it is set, so that names made of it stay."""
        later = ("is_measured_shown", "is_expected_shown", "counterfactual_share", "control")
        unsaid = {name for name in later if not getattr(self, name)} | (
            {"look"} if self.look in (None, "off") else set()
        )
        unsaid |= set() if self.is_part else {"limit", "where"}
        return {name: value for name, value in asdict(self).items() if name not in unsaid}

    def __post_init__(self) -> None:
        if 2 * self.self_instruct_share + self.conversation_share > 1:
            raise ValueError(
                "--self-instruct and --conversations: twice the first and the second must not be more than 100 percent "
                "together, because each image gives two pairs"
            )


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that the stages need to know beside their input; written down, it is a recipe."""

    raw: Annotated[
        Mapping[str, Path],
        Option(
            "folder of a source's raw release; of several NAME=DIR once each, or one DIR that holds DIR/NAME",
            "--raw",
            "images",
            "DIR",
            scope="release",
        ),
    ]
    work: Annotated[Path, Option("folder for ledgers, image index and lists", "--work", "folders", "DIR")] = Path(
        "build"
    )
    out: Annotated[Path, Option("the release folder", "--out", "folders", "DIR")] = Path("dermasynth")
    is_permissive_only: Annotated[
        bool,
        Option(
            "permissive: leave out images that may not be used commercially with attribution alone",
            "--licence",
            "images",
            scope="release",
            words={"any": False, "permissive": True},
        ),
    ] = False
    privacy: Annotated[
        Privacy,
        Option(
            "standard leaves out what tells of household and origin, and gives ages below 18 and from 90 on as bands; "
            "full keeps all that the source publishes",
            "--privacy",
            "images",
            "LEVEL",
            scope="release",
        ),
    ] = "standard"
    is_strict: Annotated[bool, Option("end the run where a raw release has any problem", "--strict", "images")] = False
    rows: Annotated[Rows, Option("which rows of its tables a source is read by", scope="once")] = "with_image"
    is_verified: Annotated[bool, Option(_VERIFY, "--verify", scope="once")] = False
    is_specimen: Annotated[
        bool, Option("the raw releases are drawn specimens, and so are the rows", scope="release")
    ] = False
    seed: Annotated[int, Option("seed of all random choices", "--seed", "questions", scope="release")] = DEFAULT_SEED
    engine: Annotated[
        str, Option("who answers the questions; template asks no model", "--engine", "model", "ENGINE", scope="release")
    ] = "template"
    max_usd: Annotated[
        float | None,
        Option("stop when the replies in the ledger have cost that much", "--max-usd", "pace", "USD"),
        _ABOVE_ZERO,
    ] = None
    is_version_change_allowed: Annotated[
        bool,
        Option("continue although the model's version has changed", "--allow-version-change", "pace", scope="once"),
    ] = False
    shard: Annotated[
        tuple[int, int],
        Option(
            "ask only part I of N of the requests, to share a run among machines",
            "--shard",
            "pace",
            "I/N",
            read=shard_of,
        ),
    ] = (1, 1)
    pilot: Annotated[
        int | None,
        Option("ask only N requests, and say what all of them would cost", "--pilot", "pace", scope="once"),
        _ABOVE_ZERO,
    ] = None
    is_failed_wanted: Annotated[
        bool, Option("ask the requests that failed before again", "--retry-failed", "pace", scope="once")
    ] = False
    is_rejected_wanted: Annotated[
        bool,
        Option(
            "ask again for what the checks reject, at most twice, with the reason in the prompt",
            "--retry-rejected",
            "pace",
            scope="once",
        ),
    ] = False
    is_partial_allowed: Annotated[
        bool, Option("release although some requests have no reply", "--partial", "release", scope="once")
    ] = False
    is_held: Annotated[
        bool,
        Option("wait with the release until two persons have judged a sheet of its pairs", "--hold", "release"),
    ] = False
    split_shares: Annotated[
        tuple[float, float, float],
        Option(
            "shares of each diagnosis, by whole patients (on the command line in percent: 90/5/5)",
            "--splits",
            "release",
            "TRAIN/VALIDATION/TEST",
            scope="release",
            read=shares_of,
        ),
    ] = DEFAULT_SPLITS
    folds: Annotated[
        int | None,
        Option(
            "N folds for cross-validation, in a column of their own: whole patients, each diagnosis in equal parts",
            "--folds",
            "release",
            scope="release",
        ),
        Ge(2),
    ] = None
    max_side_px: Annotated[
        int | None,
        Option(
            "scale larger images down to N pixels a side (Lanczos, JPEG of quality 90; default: as they are)",
            "--max-side",
            "release",
            scope="release",
        ),
        _ABOVE_ZERO,
    ] = None
    withdrawn: Annotated[
        Path, Option("list of rows to leave out, with the columns row,reason,date", "--withdrawn", "release", "FILE")
    ] = Path(WITHDRAWN)
    engine_options: EngineOptions = DEFAULT_OPTIONS
    plan_options: PlanOptions = PlanOptions()
    folder: FolderOptions = NO_FOLDER

    def __post_init__(self) -> None:
        if not 1 <= self.shard[0] <= self.shard[1]:
            raise ValueError(f"shard {list(self.shard)}: say which part of how many, as [2, 5]")
        plan = self.plan_options
        of_several = plan.self_instruct_share, plan.conversation_share, plan.is_together, plan.look not in (None, "off")
        if self.engine_options.prompt == "plain" and (self.engine != "openai" or any(of_several)):
            raise ValueError(
                "--prompt plain asks one question at a time, of the engine openai alone: say --engine openai "
                "--self-instruct 0, and leave out --conversations, --together and --look"
            )
        if min(self.split_shares) < 0 or abs(sum(self.split_shares) - 1) > 1e-6:
            raise ValueError(f"split_shares {list(self.split_shares)}: the three must make 1 together")

"""What the commands that tune and measure models are told; light, as the command line reads it at every start."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Interval, Le

from dermasynth_builder.core.closed import FORMS, TASKS, Form, Task
from dermasynth_builder.core.option import Option
from dermasynth_builder.core.options import DEFAULT_SEED
from dermasynth_builder.core.records import Split

Context = Literal["record", "question", "closed"]
"""What stands beside the picture: the recorded facts and the question, the question alone, a closed question."""
Method = Literal["lora", "full", "qlora"]
Dtype = Literal["bfloat16", "float16", "float32"]
Shown = Literal["real", "blank", "other", "none"]
"""Which picture a model is shown: the item's, a grey one, another patient's, none."""

_ABOVE_ZERO = Gt(0)
_SEED = Interval(ge=0, le=2**32 - 1)  # what numpy takes
_SOURCES = Annotated[
    tuple[str, ...], Option("only this source of the release; may be repeated", "--source", metavar="NAME")
]
_CONTEXT = Annotated[
    Context,
    Option(
        "what the user's turn holds: record, the recorded facts that the answer uses, less what it has to find; "
        "question, the bare question, which teaches a model to invent records; closed, questions with one answer",
        "--context",
        metavar="record|question|closed",
    ),
]
_TASKS = Annotated[
    tuple[Task, ...], Option("a closed task; may be repeated (default: all)", "--task", metavar="|".join(TASKS))
]
_FORMS = Annotated[
    tuple[Form, ...],
    Option("a form of closed question; may be repeated (default: named)", "--form", metavar="|".join(FORMS)),
]
_MAX_SIDE = Annotated[int | None, Option("scale larger pictures down to N pixels a side", "--max-side"), _ABOVE_ZERO]
_TEMPLATE = Annotated[
    bool, Option("take rows that no model wrote: a model tuned on them learns their rules", "--allow-template")
]


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What is exported, and where to."""

    to: Annotated[Path | None, Option("the folder (default: export/FORMAT), made anew", "--to", metavar="DIR")] = None
    context: _CONTEXT = "record"
    tasks: _TASKS = ()
    forms: _FORMS = ()
    sources: _SOURCES = ()
    is_rgb: Annotated[bool, Option("turn pictures of other modes into RGB", "--rgb")] = False
    max_side_px: _MAX_SIDE = None
    uri: Annotated[
        str, Option("where the pictures will lie in a bucket, for the format vertex", "--uri", metavar="gs://B/PATH")
    ] = ""
    is_template_allowed: _TEMPLATE = False


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a model is tuned."""

    to: Annotated[Path, Option("folder of the tuned model, its checkpoints and run.json", "--to", metavar="DIR")] = (
        Path("model")
    )
    rows: Annotated[
        int | None,
        Option("N rows, equal shares of the diagnoses of each source, the same on each run; 0: all", "--rows"),
        Ge(0),
    ] = 5000
    context: _CONTEXT = "record"
    tasks: _TASKS = ()
    forms: _FORMS = ()
    sources: _SOURCES = ()
    fold: Annotated[
        int | None, Option("leave this fold out and train on all others, in place of the split train", "--fold")
    ] = None
    method: Annotated[
        Method, Option("adapters; all weights; adapters on a 4-bit model", "--method", metavar="lora|full|qlora")
    ] = "lora"
    is_vision_trained: Annotated[
        bool,
        Option("whether the vision tower is tuned", "--vision", words={"frozen": False, "trained": True}),
    ] = False
    rank: Annotated[int, Option("of the adapters", "--rank"), _ABOVE_ZERO] = 16
    alpha: Annotated[int, Option("of the adapters", "--alpha"), _ABOVE_ZERO] = 32
    dropout: Annotated[float, Option("of the adapters", "--dropout"), Ge(0), Le(1)] = 0.05
    learning_rate: Annotated[float, Option("at its height; cosine after", "--lr", metavar="RATE"), _ABOVE_ZERO] = 1e-4
    warmup_share: Annotated[float, Option("share of the steps until the height", "--warmup"), Ge(0), Le(1)] = 0.03
    epochs: Annotated[float, Option("times through the rows", "--epochs"), _ABOVE_ZERO] = 1.0
    steps: Annotated[int | None, Option("updates, in place of --epochs", "--steps"), _ABOVE_ZERO] = None
    batch: Annotated[int, Option("examples at once", "--batch"), _ABOVE_ZERO] = 4
    accumulate: Annotated[int, Option("batches for one update", "--accumulate"), _ABOVE_ZERO] = 4
    max_length: Annotated[
        int | None, Option("most tokens of an example (default: no limit); one that is longer is refused", "--length")
    ] = None
    max_side_px: _MAX_SIDE = None
    dtype: Annotated[Dtype, Option("of the weights", "--dtype", metavar="TYPE")] = "bfloat16"
    seed: Annotated[int, Option("of draws, order and adapters", "--seed"), *_SEED] = DEFAULT_SEED
    save_every: Annotated[int, Option("steps between two checkpoints", "--save-every"), _ABOVE_ZERO] = 100
    revision: Annotated[str | None, Option("of the model on the Hub", "--revision", metavar="REV")] = None
    is_template_allowed: _TEMPLATE = False
    is_dry: Annotated[bool, Option("check two rows as they would be trained on, and stop", "--dry-run")] = False


@dataclass(frozen=True, slots=True)
class ItemsOptions:
    """Which closed questions make the test set."""

    to: Annotated[Path, Option("the folder, made anew", "--to", metavar="DIR")] = Path("evaluation")
    tasks: _TASKS = ()
    forms: _FORMS = ()
    sources: _SOURCES = ()
    split: Annotated[Split, Option("whose images are asked about", "--split", metavar="SPLIT")] = "test"
    fold: Annotated[
        int | None, Option("ask about the images of this fold in place of a split, and train on the others", "--fold")
    ] = None
    seed: Annotated[int, Option("of the orders and draws of options", "--seed"), *_SEED] = DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class PredictOptions:
    """Who answers the items, and what it is shown."""

    items: Annotated[Path, Option("the folder of the items", "--items", metavar="DIR")] = Path("evaluation")
    to: Annotated[
        Path | None, Option("file of the answers (default: ITEMS/predictions/IMAGE.jsonl)", "--to", metavar="FILE")
    ] = None
    adapter: Annotated[Path | None, Option("adapter to put on the model", "--adapter", metavar="DIR")] = None
    base_url: Annotated[
        str | None, Option("ask an OpenAI-compatible server in place of loading the model", "--base-url", metavar="URL")
    ] = None
    image: Annotated[
        Shown,
        Option(
            "the item's picture, a grey one, another patient's, or none",
            "--image",
            metavar="|".join(("real", "blank", "other", "none")),
        ),
    ] = "real"
    batch: Annotated[int, Option("items at once", "--batch"), _ABOVE_ZERO] = 8
    max_new_tokens: Annotated[int, Option("of an answer", "--max-new-tokens"), _ABOVE_ZERO] = 64
    max_side_px: _MAX_SIDE = None
    dtype: Annotated[Dtype, Option("of the weights", "--dtype", metavar="TYPE")] = "bfloat16"
    revision: Annotated[str | None, Option("of the model on the Hub", "--revision", metavar="REV")] = None


@dataclass(frozen=True, slots=True)
class InventedOptions:
    """Which held-out rows a model answers in its own words."""

    to: Annotated[Path, Option("file of the answers and rates", "--to", metavar="FILE")] = Path(
        "evaluation/invented.json"
    )
    context: Annotated[
        Literal["record", "question"],
        Option("what the user's turn holds, as in the model's training", "--context", metavar="record|question"),
    ] = "record"
    rows: Annotated[int, Option("N rows, the same on each run", "--rows"), _ABOVE_ZERO] = 200
    sources: _SOURCES = ()
    split: Annotated[Split, Option("whose rows are asked", "--split", metavar="SPLIT")] = "test"
    adapter: Annotated[Path | None, Option("adapter to put on the model", "--adapter", metavar="DIR")] = None
    base_url: Annotated[
        str | None, Option("ask an OpenAI-compatible server in place of loading the model", "--base-url", metavar="URL")
    ] = None
    batch: Annotated[int, Option("rows at once", "--batch"), _ABOVE_ZERO] = 8
    max_new_tokens: Annotated[int, Option("of an answer", "--max-new-tokens"), _ABOVE_ZERO] = 256
    dtype: Annotated[Dtype, Option("of the weights", "--dtype", metavar="TYPE")] = "bfloat16"
    seed: Annotated[int, Option("of the draw of rows", "--seed"), *_SEED] = DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class ScoreOptions:
    """What is scored, and against what."""

    items: Annotated[Path, Option("the folder of the items", "--items", metavar="DIR")] = Path("evaluation")
    to: Annotated[Path | None, Option("folder of the scores (default: ITEMS/scores)", "--to", metavar="DIR")] = None
    run: Annotated[
        tuple[Path, ...],
        Option("run.json of a training; its rows must not be in the test; may be repeated", "--run", metavar="FILE"),
    ] = ()
    open_answers: Annotated[
        tuple[str, ...],
        Option(
            "what `evaluate invented` wrote of a system: its rates go beside the scores; may be repeated",
            "--open",
            metavar="NAME=FILE",
        ),
    ] = ()
    figure: Annotated[
        Path | None, Option("draw the scores into FILE, a .png or .svg (extra: figures)", "--figure", metavar="FILE")
    ] = None
    resamples: Annotated[int, Option("of the patients, for the intervals", "--resamples"), _ABOVE_ZERO] = 2000
    seed: Annotated[int, Option("of the resamples", "--seed"), *_SEED] = DEFAULT_SEED


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """A tuned model against the one that it was tuned from."""

    items: Annotated[Path, Option("the folder of the items", "--items", metavar="DIR")] = Path("evaluation")
    adapter: Annotated[Path | None, Option("the tuned model is this adapter on BASE", "--adapter", metavar="DIR")] = (
        None
    )
    tuned: Annotated[Path | None, Option("the tuned model is this folder", "--tuned", metavar="DIR")] = None
    batch: Annotated[int, Option("items at once", "--batch"), _ABOVE_ZERO] = 8
    max_new_tokens: Annotated[int, Option("of an answer", "--max-new-tokens"), _ABOVE_ZERO] = 64
    max_side_px: _MAX_SIDE = None
    dtype: Annotated[Dtype, Option("of the weights", "--dtype", metavar="TYPE")] = "bfloat16"
    resamples: Annotated[int, Option("of the patients, for the intervals", "--resamples"), _ABOVE_ZERO] = 2000


@dataclass(frozen=True, slots=True)
class PushModelOptions:
    """Which tuned model goes where."""

    model: Annotated[Path, Option("folder of the tuned model", "--model", metavar="DIR")] = Path("model")
    scores: Annotated[Path | None, Option("scores.json, for the card's figures", "--scores", metavar="FILE")] = None
    is_private: Annotated[bool, Option("make the repository private if it is made now", "--private")] = False
    is_template_allowed: Annotated[
        bool, Option("push a model tuned on rows that no model wrote, or on specimens, too", "--allow-template")
    ] = False
    is_dry: Annotated[bool, Option("show the card and what would be sent, and send nothing", "--dry-run")] = False

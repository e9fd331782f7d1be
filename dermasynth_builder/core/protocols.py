"""What is plugged in: sources, engines, checks. Each is one file and one line: of the registry, or an entry point."""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dermasynth_builder.core.options import BATCHES, EngineOptions, ImageFamily, Settings
from dermasynth_builder.core.records import (
    Asked,
    ClinicalImage,
    Facts,
    Finding,
    Modality,
    Pair,
    Problem,
    Reply,
    Request,
)

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable


class Source(Protocol):
    """One of the image sets, in every form in which people have it on disk."""

    @property
    def name(self) -> str:
        """The config's name: "pad_ufes"."""

    @property
    def title(self) -> str:
        """As its authors write it: "PAD-UFES-20"."""

    @property
    def licence(self) -> str:
        """The licence as published: "CC-BY-4.0"."""

    @property
    def attribution(self) -> str:
        """Whom to name beside an image."""

    @property
    def citation(self) -> str:
        """The reference to cite, one line."""

    @property
    def homepage(self) -> str:
        """Where the release is to be had."""

    def read(self, root: Path) -> Iterator[ClinicalImage | Problem]:
        """Every image that the release's tables list, in the tables' order, and what is wrong with them.

        An image whose file is not there has `path=None`; files are located, not opened.
        Raises SourceError where `root` holds no release.
        """


@runtime_checkable
class TakesSettings(Protocol):
    """A source that reads as the recipe tells it to."""

    def with_settings(self, settings: Settings) -> Source:
        """The source, told. Raises SourceError where it is told too little."""


@runtime_checkable
class CountsTables(Protocol):
    """A source whose tables tell of more than images, of cases say; implemented by those that need it."""

    def tallies(self, root: Path) -> Mapping[str, int]:
        """Counts of the release's own tables that its images alone do not give, by what is counted.

        Raises SourceError where `root` holds no release.
        """


@runtime_checkable
class KeepsNames(Protocol):
    """A source whose images and groups were named by somebody who may not know that such names are published."""

    @property
    def are_names_kept(self) -> bool:
        """Whether rows will have the names as they are; a user is then told which."""


@runtime_checkable
class BringsResources(Protocol):
    """A source of another package, with the tables that those which ship have in this one."""

    @property
    def resources(self) -> "Traversable":
        """A folder, `importlib.resources.files("my_package")` say, that may hold:

        `questions.toml`   the source's question bank, as prompts/questions/<source>.toml
        `vocabulary.toml`  for `vocabulary.diagnoses`, as read/vocabulary/<source>.toml
        `hosts.toml`       where the release is to be had, as read/download/hosts/<source>.toml
        """


class EngineRun(Protocol):
    """What an engine may ask of the run in which it answers, and tell it. Most need neither."""

    @property
    def is_ending(self) -> bool:
        """Whether the run ends early: nothing more is asked, what is under way is finished.

        The requests then end by themselves; an engine that also asks what earlier runs have left has to look here.
        """

    def tell(self, note: str) -> None:
        """Shows a few words beside the bar in place of the last ones, for engines that keep one waiting."""


Price = Callable[[str, Mapping[str, int]], float | None]  # model and usage -> USD; None: not known


@dataclass(frozen=True, slots=True)
class EngineContext:
    """What the work around an engine knows, and its options do not say. Engines use what they need of it.

    The defaults know nothing.
    """

    batches: Path = Path("build", BATCHES)  # folder for what waits at a service from one run to the next
    price: Price = lambda _, __: None  # of a reply that is asked for by itself, at the tier of the options
    batch_price: Price = lambda _, __: None  # of a reply that comes in a batch
    standard_price: Price = lambda _, __: None  # of one that was served at the standard tier
    image_family: Callable[[str], ImageFamily | None] = lambda _: None  # model -> how it counts images; None: not known
    sent_today: Callable[[str, str], int] = lambda _, __: 0  # model, a UTC time in ISO 8601 -> sent that day, by then
    now: Callable[[], float] = time.time  # seconds since 1970
    wait: Callable[[float], object] = time.sleep  # so many seconds
    servers: Path | None = None  # file of what servers were found to take


BARE_CONTEXT = EngineContext()


class KnowsDiagnoses(Protocol):
    """What knows how diagnoses look in general."""

    @property
    def digest(self) -> str:
        """Hex digits for all that it can say."""

    def expected(self, facts: Facts, modality: Modality) -> Sequence[str]:
        """Sentences on what such an image of that diagnosis shows in general; none where nothing is known."""


class Engine(Protocol):
    """What answers requests.

    The least is a class with a `name`, an `identity`, an `is_model` and an `answer` that yields a reply a request and
    leaves `run` alone.
    """

    @property
    def name(self) -> str:
        """As on the command line: "template"."""

    @property
    def identity(self) -> Mapping[str, str | int | float | None]:
        """All that can change an answer (model, sampling, revision), and nothing else."""

    @property
    def is_model(self) -> bool:
        """Whether a model writes the answers; each reply then names it, and else none does.

        An engine without one is refused requests that hide the metadata, and what it wrote is not pushed unasked.
        """

    def answer(self, requests: Iterable[Request], run: EngineRun, /) -> Iterator[Reply]:
        """One reply a request, in any order; a request that cannot be answered gets a failed reply.

        Requests are made as they are pulled: pull one when it can be asked. `run` may be ignored.
        """


@runtime_checkable
class ChoosesQuestions(Protocol):
    """An engine that can answer some questions only; implemented by those that look at no image, say.

    An engine without it is asked everything.
    """

    @property
    def name(self) -> str:
        """See `Engine.name`."""

    @property
    def identity(self) -> Mapping[str, str | int | float | None]:
        """See `Engine.identity`; it stands for what is chosen, so a plan is made anew where it changes."""

    def answers(self, asked: Asked, /) -> bool:
        """Whether the engine has an answer to this question from these facts: a pure and fast function."""


@runtime_checkable
class SendsElsewhere(Protocol):
    """An engine that knows to which host its requests go, so that a user is told before the first one."""

    def host(self) -> str:
        """ "api.example.org:8443"; raises EngineError where nothing can be sent for want of a key."""


class MakeEngine(Protocol):
    """What a line of the registry names for an engine; a class whose constructor takes the two will do."""

    def __call__(self, options: EngineOptions, context: EngineContext, /) -> Engine:
        """The engine, which costs nothing until it is asked. Raises UsageError where the options do not fit it."""


class Check(Protocol):
    """A rule about pairs: one small file with one function or, where it compares across images, one class.

    All checks see every pair once, in one pass: a check is called for one image after the other, each time with all of
    that image's pairs, in the order of the release. What looks at a pair or an image alone is a plain function. What
    has to remember earlier images is a class with `__call__`; it is made anew, without arguments, for every config, and
    keeps what it has seen. Of two pairs that do not go together, the later one is found.
    """

    def __call__(self, pairs: Iterable[Pair]) -> Iterator[Finding]:
        """What is wrong (`reject`) or doubtful (`flag`) with these pairs, naming them by their ids."""


class WriteSpecimens(Protocol):
    """What draws a small invented release of a source, in the layout of the real one."""

    def __call__(self, root: Path, *, images: int, side_px: int = 320) -> Path:
        """Writes about `images` drawn images and their tables below `root`, and gives `root` back.

        No image is much larger than `side_px` a side: tests draw small ones.
        """

"""What is plugged in: sources, engines, checks. Each is one file and one line: of the registry, or an entry point."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, runtime_checkable

from dermasynth_builder.core.records import ClinicalImage, Finding, Pair, Problem, Reply, Request

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
class CountsTables(Protocol):
    """A source whose tables tell of more than images, of cases say; implemented by those that need it."""

    def tallies(self, root: Path) -> Mapping[str, int]:
        """Counts of the release's own tables that its images alone do not give, by what is counted.

        Raises SourceError where `root` holds no release.
        """


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


class Engine(Protocol):
    """What answers requests."""

    @property
    def name(self) -> str:
        """As on the command line: "template"."""

    @property
    def identity(self) -> Mapping[str, str | int | float | None]:
        """All that can change an answer (model, sampling, revision), and nothing else."""

    def answer(self, requests: Iterable[Request]) -> Iterator[Reply]:
        """One reply a request, in any order; a request that cannot be answered gets a failed reply."""


@runtime_checkable
class LongRunning(Protocol):
    """An engine whose replies may take hours, tells how things are until then, and asks by itself what is overdue."""

    tell: Callable[[str], object]
    is_ending: Callable[[], bool]  # whether the run is to end, so that nothing more is to be asked


class Check(Protocol):
    """A rule about pairs: row by row, or across all of them."""

    def __call__(self, pairs: Iterable[Pair]) -> Iterator[Finding]:
        """What is wrong (`reject`) or doubtful (`flag`), naming pairs by their ids."""


class WriteSpecimens(Protocol):
    """What draws a small invented release of a source, in the layout of the real one."""

    def __call__(self, root: Path, *, images: int) -> Path:
        """Writes about `images` drawn images and their tables below `root`, and gives `root` back."""

"""All sources, hosts, engines, checks, exports: those that ship by a lazy "module:object" line, others by entry points.

A line is imported when its name is asked for, so that a plug-in's own dependencies cost nothing to others. Installed
packages add names by entry points of the groups "dermasynth.sources", ".specimens", ".hosts", ".engines", ".checks" and
".exports".
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast, get_args, get_type_hints

from dermasynth_builder.core.errors import DermaSynthError, PluginError, UsageError
from dermasynth_builder.core.options import DEFAULT_OPTIONS, EngineOptions, Settings
from dermasynth_builder.core.protocols import (
    BARE_CONTEXT,
    BringsResources,
    Check,
    Engine,
    EngineContext,
    Source,
    TakesSettings,
    WriteSpecimens,
)

if TYPE_CHECKING:  # not loaded by those who only list names
    from importlib.metadata import EntryPoint

ALL = "all"  # the config over all sources of a release
_NAME = re.compile(r"[a-z][a-z0-9_]*")  # names are parts of paths, of columns and of ids
SAMPLE = "sample"  # the config that shows a few rows of each
CLOSED = "closed"  # the config of questions with one right answer
_RESERVED = (ALL, SAMPLE, CLOSED, "general")  # the configs, and the bank for every image


class PlugIns(Collection[str]):
    """The names of one kind, those that ship first. What is installed is looked up when a name needs it, not before."""

    def __init__(self, kind: str, group: str, shipped: dict[str, str]) -> None:
        self.kind = kind  # for people: "source"
        self.group = f"dermasynth.{group}"
        self.shipped = shipped  # name -> "module:object"
        self._found: Mapping[str, list[EntryPoint]] | None = None

    def __iter__(self) -> Iterator[str]:
        yield from self.shipped
        yield from sorted(set(self._installed()) - set(self.shipped))

    def __len__(self) -> int:
        return len(set(self.shipped) | set(self._installed()))

    def __contains__(self, name: object) -> bool:
        return name in self.shipped or name in self._installed()

    def load(self, name: str) -> Any:
        """The object of that name.

        Raises UsageError for an unknown name, PluginError where two packages have it or its package is broken.
        """
        entries = self._installed().get(name, [])
        if name not in self.shipped and not entries:
            raise UsageError(f"there is no {self.kind} {name!r}; there are: {', '.join(sorted(self))}")
        self._require_one(name, entries)
        if not entries:
            module_name, _, object_name = self.shipped[name].partition(":")
            return getattr(import_module(module_name), object_name)
        try:
            return entries[0].load()
        except Exception as error:
            raise self.broken(name, f"{type(error).__name__}: {error}") from error

    def make(self, name: str, *arguments: object) -> Any:
        """What the object of that name gives when it is called; see `load`."""
        make = self.load(name)
        if name in self.shipped:
            return make(*arguments)
        try:
            return make(*arguments)
        except DermaSynthError:
            raise
        except Exception as error:
            raise self.broken(name, f"{type(error).__name__}: {error}") from error

    def broken(self, name: str, reason: str) -> PluginError:
        """What to say of a name that an installed package has and that cannot be used."""
        [entry] = self._installed()[name]
        package = _package_of(entry)
        return PluginError(
            f"{self.kind} {name!r} of the package {package} ({entry.value}) cannot be used: {reason}. "
            f"Update the package, or remove it: pip uninstall {package}"
        )

    def _require_one(self, name: str, entries: "list[EntryPoint]") -> None:
        packages = ["dermasynth" for _ in [name] if name in self.shipped] + [_package_of(entry) for entry in entries]
        if len(packages) > 1:
            raise PluginError(
                f"the {self.kind} {name!r} is in two packages: {' and '.join(packages)}; "
                f"remove one: pip uninstall {packages[-1]}"
            )
        if entries and (not _NAME.fullmatch(name) or name in _RESERVED):
            raise self.broken(name, "names are of a-z, 0-9 and _, begin with a letter, and are not all or general")

    def _installed(self) -> "Mapping[str, list[EntryPoint]]":
        """What each name stands for in installed packages."""
        if self._found is None:
            from importlib.metadata import entry_points  # takes longer to load than all of the command's own modules

            found: dict[str, list[EntryPoint]] = {}
            for entry in entry_points(group=self.group):
                found.setdefault(entry.name, []).append(entry)
            self._found = found
        return self._found


SOURCES = PlugIns(
    "source",
    "sources",
    {
        "pad_ufes": "dermasynth_builder.read.sources.pad_ufes:PadUfes",
        "derm12345": "dermasynth_builder.read.sources.derm12345:Derm12345",
        "bcn20000": "dermasynth_builder.read.sources.bcn20000:Bcn20000",
        "hiba": "dermasynth_builder.read.sources.hiba:Hiba",
        "scin": "dermasynth_builder.read.sources.scin:Scin",
        "ham10000": "dermasynth_builder.read.sources.ham10000:Ham10000",
        "fitzpatrick17k": "dermasynth_builder.read.sources.fitzpatrick17k:Fitzpatrick17k",
        "folder": "dermasynth_builder.read.sources.folder:Folder",
    },
)
SPECIMENS = PlugIns(  # what draws an invented release of a source
    "source with specimens",
    "specimens",
    {
        "pad_ufes": "dermasynth_builder.invented.specimens.pad_ufes:write_pad_ufes",
        "derm12345": "dermasynth_builder.invented.specimens.derm12345:write_derm12345",
        "bcn20000": "dermasynth_builder.invented.specimens.isic:write_bcn20000_images",
        "hiba": "dermasynth_builder.invented.specimens.isic:write_hiba",
        "scin": "dermasynth_builder.invented.specimens.scin:write_scin_images",
        "ham10000": "dermasynth_builder.invented.specimens.mapped:write_ham10000",
        "fitzpatrick17k": "dermasynth_builder.invented.specimens.mapped:write_fitzpatrick17k",
        "folder": "dermasynth_builder.invented.specimens.mapped:write_folder",
    },
)
HOSTS = PlugIns(  # what lists a release's files on a kind of host; see `read/download/hosts/<source>.toml`
    "kind of host",
    "hosts",
    {
        "hosted": "dermasynth_builder.read.download.hosts.hosted:Hosted",
        "dataverse": "dermasynth_builder.read.download.hosts.dataverse:Dataverse",
        "isic": "dermasynth_builder.read.download.hosts.isic:IsicArchive",
    },
)
ENGINES = PlugIns(
    "engine",
    "engines",
    {
        "template": "dermasynth_builder.generate.engines.template:template_engine",
        "gemini": "dermasynth_builder.generate.engines.gemini:gemini_engine",
        "gemini_batch": "dermasynth_builder.generate.engines.batch:gemini_batch_engine",
        "openai": "dermasynth_builder.generate.engines.openai:openai_engine",
    },
)
CHECKS = PlugIns(
    "check",
    "checks",
    {
        "contradictions": "dermasynth_builder.check.contradictions:check_contradictions",
        "form": "dermasynth_builder.check.form:check_form",
        "speech": "dermasynth_builder.check.speech:check_speech",
        "diagnosis": "dermasynth_builder.check.diagnosis:check_diagnosis",
        "modality": "dermasynth_builder.check.modality:check_modality",
        "person": "dermasynth_builder.check.person:check_person",
        "unseen": "dermasynth_builder.check.unseen:check_unseen",
        "advice": "dermasynth_builder.check.advice:check_advice",
        "columns": "dermasynth_builder.check.columns:check_columns",
        "novelty": "dermasynth_builder.check.novelty:Novelty",
        "review": "dermasynth_builder.check.review:check_reviews",
        "claims": "dermasynth_builder.check.claims:check_claims",
        "repeats": "dermasynth_builder.check.repeats:Repeats",
    },
)
EXPORTS = PlugIns(  # what writes a release for a trainer; see `train.export.WriteSplit`
    "export format",
    "exports",
    {
        "trl": "dermasynth_builder.train.export.trl:write_trl",
        "llava": "dermasynth_builder.train.export.llava:write_llava",
        "llamafactory": "dermasynth_builder.train.export.llamafactory:write_llamafactory",
        "ms_swift": "dermasynth_builder.train.export.ms_swift:write_ms_swift",
        "webdataset": "dermasynth_builder.train.export.webdataset:write_webdataset",
        "vertex": "dermasynth_builder.train.export.vertex:write_vertex",
    },
)


def source(name: str, settings: Settings | None = None) -> Source:
    """The source of that name, told of the settings if it asks; for what is raised see `PlugIns.load`."""
    made: Source = SOURCES.make(name)
    if settings and isinstance(made, TakesSettings):
        return made.with_settings(settings)
    if name not in SOURCES.shipped and getattr(made, "name", None) != name:
        raise SOURCES.broken(name, f"its attribute `name` is {getattr(made, 'name', None)!r}")
    return made


def resource(source_name: str, file_name: str) -> Path | None:
    """A file that a source of another package brings, `questions.toml` say; None where it brings none."""
    if source_name in SOURCES.shipped or source_name not in SOURCES:
        return None
    found = source(source_name)
    path = Path(str(found.resources / file_name)) if isinstance(found, BringsResources) else None
    return path if path and path.is_file() else None


def host(kind: str) -> Callable[..., Any]:
    """What makes a `read.download.files.Host` of a host entry and a fetcher; see `PlugIns.load`."""
    return cast(Callable[..., Any], HOSTS.load(kind))


def engine(name: str, options: EngineOptions = DEFAULT_OPTIONS, context: EngineContext = BARE_CONTEXT) -> Engine:
    """The engine of that name; see `PlugIns.load`. Raises UsageError also where the options do not fit it."""
    return cast(Engine, ENGINES.make(name, options, context))


def check(name: str) -> Check:
    """The check of that name, one that has seen no pair; see `PlugIns.load`."""
    loaded = CHECKS.load(name)
    return cast(Check, CHECKS.make(name) if isinstance(loaded, type) else loaded)


def specimens(name: str) -> WriteSpecimens:
    """What draws specimens of the source of that name; see `PlugIns.load`."""
    return cast(WriteSpecimens, SPECIMENS.load(name))


def specimen_layouts(name: str) -> tuple[str, ...]:
    """The layouts in which specimens of that source can be drawn, the default first; empty where it has but one."""
    hints = get_type_hints(SPECIMENS.load(name))
    return get_args(hints["layout"]) if "layout" in hints else ()


def _package_of(entry: "EntryPoint") -> str:
    return (entry.dist.name if entry.dist else None) or "without a name"

"""All sources, places, engines and checks: one lazy "module:object" line each.

A line is imported when its name is asked for, so that a plug-in's own dependencies cost nothing to others.
"""

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from dermasynth_builder.errors import UsageError
from dermasynth_builder.protocols import Check, Engine, Place, Source, WriteSpecimens
from dermasynth_builder.settings import DEFAULT_OPTIONS, EngineOptions

if TYPE_CHECKING:
    from dermasynth_builder.fetching import Fetcher
    from dermasynth_builder.places import Address

ALL = "all"  # the config over all sources of a release
SOURCES: dict[str, str] = {
    "pad_ufes": "dermasynth_builder.sources.pad_ufes:PadUfes",
    "derm12345": "dermasynth_builder.sources.derm12345:Derm12345",
    "bcn20000": "dermasynth_builder.sources.bcn20000:Bcn20000",
    "hiba": "dermasynth_builder.sources.hiba:Hiba",
    "scin": "dermasynth_builder.sources.scin:Scin",
}
SPECIMENS: dict[str, str] = {  # source -> what draws an invented release of it
    "pad_ufes": "dermasynth_builder.specimens:write_pad_ufes",
    "derm12345": "dermasynth_builder.specimens_derm12345:write_derm12345",
    "bcn20000": "dermasynth_builder.specimens_isic:write_bcn20000",
    "hiba": "dermasynth_builder.specimens_isic:write_hiba",
    "scin": "dermasynth_builder.specimens_scin:write_scin_images",
}
PLACES: dict[str, str] = {  # kind of place -> what lists a release's files there; see `places/<source>.toml`
    "hosted": "dermasynth_builder.places.hosted:Hosted",
    "dataverse": "dermasynth_builder.places.dataverse:Dataverse",
    "isic": "dermasynth_builder.places.isic:IsicArchive",
}
ENGINES: dict[str, str] = {
    "template": "dermasynth_builder.engines.template:template_engine",
    "gemini": "dermasynth_builder.engines.gemini:gemini_engine",
    "gemini_batch": "dermasynth_builder.engines.gemini_batch:gemini_batch_engine",
    "openai": "dermasynth_builder.engines.openai_chat:openai_engine",
}
CHECKS: dict[str, str] = {
    "form": "dermasynth_builder.checks.form:check_form",
    "novelty": "dermasynth_builder.checks.novelty:check_novelty",
    "repeats": "dermasynth_builder.checks.repeats:check_repeats",
}


def source(name: str) -> Source:
    """The source of that name. Raises UsageError for an unknown one."""
    return cast(Source, _load(SOURCES, name, "source")())


def place(address: "Address", fetcher: "Fetcher") -> Place:
    """What lists the files of a release at that address. Raises UsageError for an unknown kind."""
    return cast(Place, _load(PLACES, address.kind, "kind of place")(address, fetcher))


def engine(name: str, options: EngineOptions = DEFAULT_OPTIONS) -> Engine:
    """The engine of that name. Raises UsageError for an unknown one, and where the options do not fit it."""
    return cast(Engine, _load(ENGINES, name, "engine")(options))


def check(name: str) -> Check:
    """The check of that name. Raises UsageError for an unknown one."""
    return cast(Check, _load(CHECKS, name, "check"))


def specimens(name: str) -> WriteSpecimens:
    """What draws specimens of the source of that name. Raises UsageError for an unknown one."""
    return cast(WriteSpecimens, _load(SPECIMENS, name, "source"))


def _load(lines: Mapping[str, str], name: str, kind: str) -> Any:
    if name not in lines:
        raise UsageError(f"there is no {kind} {name!r}; there are: {', '.join(sorted(lines))}")
    module_name, _, object_name = lines[name].partition(":")
    return getattr(import_module(module_name), object_name)

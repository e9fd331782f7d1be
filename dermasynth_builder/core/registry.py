"""All sources, hosts, engines and checks: one lazy "module:object" line each.

A line is imported when its name is asked for, so that a plug-in's own dependencies cost nothing to others.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, cast

from dermasynth_builder.core.errors import UsageError
from dermasynth_builder.core.options import DEFAULT_OPTIONS, EngineOptions
from dermasynth_builder.core.protocols import (
    BARE_CONTEXT,
    Check,
    Engine,
    EngineContext,
    MakeEngine,
    Source,
    WriteSpecimens,
)

ALL = "all"  # the config over all sources of a release
SOURCES: dict[str, str] = {
    "pad_ufes": "dermasynth_builder.read.sources.pad_ufes:PadUfes",
    "derm12345": "dermasynth_builder.read.sources.derm12345:Derm12345",
    "bcn20000": "dermasynth_builder.read.sources.bcn20000:Bcn20000",
    "hiba": "dermasynth_builder.read.sources.hiba:Hiba",
    "scin": "dermasynth_builder.read.sources.scin:Scin",
}
SPECIMENS: dict[str, str] = {  # source -> what draws an invented release of it
    "pad_ufes": "dermasynth_builder.invented.specimens.pad_ufes:write_pad_ufes",
    "derm12345": "dermasynth_builder.invented.specimens.derm12345:write_derm12345",
    "bcn20000": "dermasynth_builder.invented.specimens.isic:write_bcn20000",
    "hiba": "dermasynth_builder.invented.specimens.isic:write_hiba",
    "scin": "dermasynth_builder.invented.specimens.scin:write_scin_images",
}
HOSTS: dict[str, str] = {  # kind of host -> what lists a release's files there; see `read/download/hosts/<source>.toml`
    "hosted": "dermasynth_builder.read.download.hosts.hosted:Hosted",
    "dataverse": "dermasynth_builder.read.download.hosts.dataverse:Dataverse",
    "isic": "dermasynth_builder.read.download.hosts.isic:IsicArchive",
}
ENGINES: dict[str, str] = {
    "template": "dermasynth_builder.generate.engines.template:template_engine",
    "gemini": "dermasynth_builder.generate.engines.gemini:gemini_engine",
    "gemini_batch": "dermasynth_builder.generate.engines.batch:gemini_batch_engine",
    "openai": "dermasynth_builder.generate.engines.openai:openai_engine",
}
CHECKS: dict[str, str] = {
    "form": "dermasynth_builder.check.form:check_form",
    "novelty": "dermasynth_builder.check.novelty:check_novelty",
    "repeats": "dermasynth_builder.check.repeats:check_repeats",
}


def source(name: str) -> Source:
    """The source of that name. Raises UsageError for an unknown one."""
    return cast(Source, _load(SOURCES, name, "source")())


def host(kind: str) -> Callable[..., Any]:
    """What makes a `read.download.files.Host` of a host entry and a fetcher. Raises UsageError for an unknown kind."""
    return cast(Callable[..., Any], _load(HOSTS, kind, "kind of host"))


def engine(name: str, options: EngineOptions = DEFAULT_OPTIONS, context: EngineContext = BARE_CONTEXT) -> Engine:
    """The engine of that name. Raises UsageError for an unknown one, and where the options do not fit it."""
    return cast(MakeEngine, _load(ENGINES, name, "engine"))(options, context)


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

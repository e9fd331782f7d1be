"""Public dermatology image sets turned into image-text pairs that say where every word came from.

What users import stands here and is loaded when it is asked for:

    from dermasynth_builder import Settings, build, SilentReporter
    build(Settings(raw={"pad_ufes": Path("data/pad_ufes")}), SilentReporter())
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from dermasynth_builder.core.errors import DermaSynthError as DermaSynthError
    from dermasynth_builder.core.options import BatchOptions as BatchOptions
    from dermasynth_builder.core.options import EngineOptions as EngineOptions
    from dermasynth_builder.core.options import PlanOptions as PlanOptions
    from dermasynth_builder.core.options import Settings as Settings
    from dermasynth_builder.core.protocols import Check as Check
    from dermasynth_builder.core.protocols import Engine as Engine
    from dermasynth_builder.core.protocols import EngineContext as EngineContext
    from dermasynth_builder.core.protocols import EngineRun as EngineRun
    from dermasynth_builder.core.protocols import Source as Source
    from dermasynth_builder.core.records import ClinicalImage as ClinicalImage
    from dermasynth_builder.core.records import Facts as Facts
    from dermasynth_builder.core.records import Finding as Finding
    from dermasynth_builder.core.records import Pair as Pair
    from dermasynth_builder.core.records import Problem as Problem
    from dermasynth_builder.core.records import Reply as Reply
    from dermasynth_builder.core.records import Request as Request
    from dermasynth_builder.core.reporter import Reporter as Reporter
    from dermasynth_builder.core.reporter import SilentReporter as SilentReporter
    from dermasynth_builder.pipeline import build as build
    from dermasynth_builder.pipeline import pairs as pairs

_HOME = {
    "core.errors": ("DermaSynthError",),
    "core.options": ("BatchOptions", "EngineOptions", "PlanOptions", "Settings"),
    "core.protocols": ("Check", "Engine", "EngineContext", "EngineRun", "Source"),
    "core.records": ("ClinicalImage", "Facts", "Finding", "Pair", "Problem", "Reply", "Request"),
    "core.reporter": ("Reporter", "SilentReporter"),
    "pipeline": ("build", "pairs"),
}
_MODULE_OF = {name: module for module, names in _HOME.items() for name in names}
__all__ = ["__version__", *sorted(_MODULE_OF)]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return __all__

"""What the contract test of engines asks: `<engine>.py` has `serving`, what leads to a service that answers.

An engine without a module is asked where nothing answers, so that every request has to fail.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

from dermasynth_builder.core.options import EngineOptions
from dermasynth_builder.core.protocols import BARE_CONTEXT, EngineContext
from tests.support.paths import ROOT

NOBODY = EngineOptions(model="a-model", base_url="http://127.0.0.1:9", timeout_s=5)


@contextmanager
def serving(engine: str, folder: Path) -> Iterator[tuple[EngineOptions, EngineContext]]:
    """Options and context with which that engine is answered, as far as there is a service for it here."""
    if not (ROOT / "tests" / "support" / "services" / f"{engine}.py").exists():
        yield NOBODY, BARE_CONTEXT
        return
    with import_module(f"tests.support.services.{engine}").serving(folder) as given:
        yield given

"""The fake Gemini."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from dermasynth_builder.core.options import BatchOptions, EngineOptions
from dermasynth_builder.core.protocols import EngineContext
from dermasynth_builder.invented.fake_gemini.service import MODELS, FakeGemini
from tests.support.fake_service import KEY


@contextmanager
def serving(folder: Path) -> Iterator[tuple[EngineOptions, EngineContext]]:
    """A fake, and a key for it."""
    with pytest.MonkeyPatch.context() as patch, FakeGemini() as fake:
        patch.delenv("GOOGLE_API_KEY", raising=False)
        patch.setenv("GEMINI_API_KEY", KEY)
        options = EngineOptions(model=MODELS[0], base_url=fake.url, batch=BatchOptions(poll_s=0.01))
        yield options, EngineContext(folder / "batches")

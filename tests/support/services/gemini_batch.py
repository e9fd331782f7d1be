"""The fake Gemini, which has batches too."""

from tests.support.services.gemini import serving

__all__ = ["serving"]

"""A service that answers as Gemini does, with invented words, on loopback."""

"""Measures a model on closed questions that no training has seen: items, answers, controls, scores."""

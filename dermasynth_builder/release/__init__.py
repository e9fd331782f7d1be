"""Pairs into a release folder, and the folder onto the Hub: the last stage."""

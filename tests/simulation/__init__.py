"""Runs of the engines in a world of its own that one seed decides: clock, network, faults and kills. See `world`."""

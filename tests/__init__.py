"""The tests; folders mirror the package, `support` holds what several files need."""

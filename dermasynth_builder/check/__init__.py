"""One file per check; registered in `dermasynth_builder.core.registry`."""

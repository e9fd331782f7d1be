"""One file per source; registered in `dermasynth_builder.core.registry`."""

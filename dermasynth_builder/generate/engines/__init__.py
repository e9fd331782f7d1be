"""One file per engine; registered in `dermasynth_builder.core.registry`."""

"""Image files: measured, freed of metadata, made ready to be sent or published."""

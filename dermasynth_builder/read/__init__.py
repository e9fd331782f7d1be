"""Raw releases into clinical images: the first stage."""

"""Clinical images into requests: the second stage."""

"""Builder: an archive becomes an image."""

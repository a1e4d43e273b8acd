"""Timer: what is to happen at a moment, whoever is up then."""

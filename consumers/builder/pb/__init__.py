"""Messages of BuildKit, generated from proto/builder; never edited."""

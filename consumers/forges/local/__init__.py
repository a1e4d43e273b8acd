"""The local forge: what ``edge/git`` tells of a push to Pushline itself."""

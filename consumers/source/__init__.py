"""Source: the pushed commit, checked and packed, one archive a function."""

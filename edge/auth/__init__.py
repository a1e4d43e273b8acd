"""Auth: who somebody is, and what he may; asked by router, API, git and tails alike."""

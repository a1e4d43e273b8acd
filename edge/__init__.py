"""The outside: webhooks, git, callers, people."""

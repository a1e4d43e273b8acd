"""Secrets: sealed values that only the platform opens, and nobody reads back."""

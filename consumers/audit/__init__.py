"""Audit: who did what, when and why, in a record that shows when it was changed."""

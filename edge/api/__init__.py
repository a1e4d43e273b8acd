"""The read API under ``/api``: folds of the log, as JSON."""

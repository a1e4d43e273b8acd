"""The API under ``/api``: folds of the log as JSON, and requests."""

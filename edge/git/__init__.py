"""Our local forge: smart HTTP both ways under ``/git/<owner>/<repository>.git``."""

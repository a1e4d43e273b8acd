"""Status: forges are told how each commit stands, in checks and commit statuses."""

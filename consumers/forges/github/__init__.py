"""GitHub: webhooks of an App or of one repository."""

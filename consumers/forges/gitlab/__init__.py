"""GitLab: webhooks of one project, and system hooks of a whole instance."""

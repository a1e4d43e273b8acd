"""Metrics: what the log and its server say of how well all goes, for Prometheus."""

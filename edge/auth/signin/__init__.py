"""Signing in, in a browser: pages, providers, one-time links, and a cookie for each host."""

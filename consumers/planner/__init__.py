"""Planner: decides which runs there are, and when one has ended."""

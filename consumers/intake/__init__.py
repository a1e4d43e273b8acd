"""Intake: each delivery becomes facts, once for ever."""

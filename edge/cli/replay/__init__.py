"""Replay: recorded history goes through the consumers that are installed, and nothing is done.

Each consumer's own ``handle`` runs. Its log reads history as it stood when the consumer read it,
takes what is appended down and compares it with what was recorded; its adapters note what they
are told to do and answer what was recorded. Where that is not enough, the decision is unknown.
"""

"""The vocabulary: facts, subjects, ids, errors. Knows nothing of the rest of the house."""

"""`pushline doctor`: each configured part is tried for real, and what is wrong has its cure."""

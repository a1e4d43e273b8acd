"""What people read of a commit: titles, summaries, ends of logs, annotations. Pure."""

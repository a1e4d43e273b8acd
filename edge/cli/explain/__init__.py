"""What each error code means, and what to do about it."""

"""The watchdog: of-watchdog's contract (and the classic one's) for one revision each."""

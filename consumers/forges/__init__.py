"""What each forge says, and what it means to us. A folder a forge, the same file names in each."""

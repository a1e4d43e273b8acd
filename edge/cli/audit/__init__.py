"""`pushline audit`: who did what, in a record that shows when it was changed."""

"""The cell: first process of a revision, walls around it. Standard library only, no site."""

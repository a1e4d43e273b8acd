"""Comments: each pull request that has a preview says where, in one comment kept up to date."""

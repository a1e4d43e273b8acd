"""What is killed comes back right: nothing lost, nothing twice, no orphan."""

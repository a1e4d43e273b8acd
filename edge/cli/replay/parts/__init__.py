"""The consumers that can be replayed, each with what stands for the world."""

"""Recovery: what forges never told us is found by asking them."""

"""Router: the one public port, from a host and a path to whoever answers there."""

"""The log and the blobs: NATS JetStream, and what is too large for it."""

"""The predecessor's endpoints for reading, in its shapes, and for whoever may read."""

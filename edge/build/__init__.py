"""The predecessor's of-builder in its shapes: a signed tar becomes a pushed image."""

from edge.build.application import Build
from edge.build.port import Images, Job

__all__ = ["Build", "Images", "Job"]

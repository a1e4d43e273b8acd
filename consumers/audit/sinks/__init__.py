"""Sinks: where the record is sent on to, each by itself."""

from consumers.audit.sinks.sending import Sending, Sink
from consumers.audit.sinks.settings import Settings, SinkSettings
from consumers.audit.sinks.state import Named, NotTaken, State, configure, configured

__all__ = [
    "Named",
    "NotTaken",
    "Sending",
    "Settings",
    "Sink",
    "SinkSettings",
    "State",
    "configure",
    "configured",
    "made",
]


def made(settings: SinkSettings) -> Sink:
    """Return the sink that these settings describe; its libraries are imported here."""
    from consumers.audit.sinks import objects, rotating, slack, stdout, webhook
    from consumers.audit.sinks import settings as known

    match settings:
        case known.Stdout():
            return stdout.StdoutSink()
        case known.File():
            return rotating.FileSink(settings)
        case known.S3():
            return objects.ObjectSink(settings)
        case known.Slack():
            return slack.SlackSink(settings)
        case known.Http():
            return webhook.HttpSink(settings)

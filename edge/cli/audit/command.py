"""`pushline audit`: who did what, in a record that shows when it was changed."""

from cyclopts import App

from edge.cli.audit.exporting import export
from edge.cli.audit.sinks import sinks
from edge.cli.audit.tail import tail
from edge.cli.audit.verification import verify_

app = App(name="audit", help="See who did what, in a record that shows when it was changed.")
app.command(tail)
app.command(verify_, name="verify")
app.command(export)
app.command(sinks)

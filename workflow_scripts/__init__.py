"""One script per rule of the workflow, and those that a person calls by hand."""

import signal
import sys

# a script is being started: until it takes care of Ctrl-C itself, that ends it without a traceback
if sys.argv[:1] == ["-m"]:
    signal.signal(signal.SIGINT, signal.SIG_DFL)

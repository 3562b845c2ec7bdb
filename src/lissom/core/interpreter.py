"""How a process of one's own is started: by this interpreter, which imports nothing from the folder of the user."""

import sys

PYTHON = (sys.executable, "-P")

"""Runs one of the tools that requirements.txt installs: tool.py NAME ARGUMENTS…"""

import os
import sys

os.execvp(sys.argv[1], sys.argv[1:])

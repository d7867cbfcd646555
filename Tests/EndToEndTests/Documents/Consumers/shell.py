"""Runs a script of bash where `python3` and `pip` are those with the packages beside this."""

import os
import sys

os.execvp("bash", ["bash", "-c", sys.argv[1]])

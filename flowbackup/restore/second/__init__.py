"""A second process that makes small files while the first one makes others.

To make a small file is a handful of short system calls with Python between them, so threads gain
nothing.  `hand_over` which files go there, and what becomes of them; `process` it is started, given
work and ended; `batch` what crosses; `making` the program that it runs.
"""

"""Building, trying and running chains in Python and notebooks.

`graph` a graph with all that can be done with it; `given` Arrow tables as data objects; `picture`
what shows itself in a notebook; `tables` values as Arrow tables; `results` what a session and a
simulation tell; `live` a session as it runs; `plot` how full buffers were.
"""

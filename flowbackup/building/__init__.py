"""Building, trying and running chains in Python and notebooks.

`graph` a graph with all that can be done with it; `picture` what shows itself in a notebook;
`tables` values as Arrow tables; `results` what a session and a simulation tell; `plot` how full
buffers were.
"""

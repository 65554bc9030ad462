"""LIVING: the only house that imports ray.  Thin shells over flow/, source/ and media/.

`slab` shared memory; `engine` Ray itself; `wiring` what actors are told; `transport` how a frame
crosses an edge; `buffer`, `media_agent`, `client` the actors; `nodes` where they run; `crew` all
actors of a session; `session` one run from start to report; `copies` frames back from media.
"""

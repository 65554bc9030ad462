"""DECIDED: what will run where, with how much memory, made from a spec before a byte moves.

`decided` the plan's values; `graph` the directed acyclic graph; `rules` one function per rule;
`placement` nodes and memory; `drawing` one model with several renderings.  The only house that
knows networkx.
"""

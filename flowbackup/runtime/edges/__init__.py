"""What crosses an edge and how: slabs, transports, pumps, turns, and what actors are told."""

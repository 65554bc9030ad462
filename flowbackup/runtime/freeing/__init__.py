"""Making room on staging devices: a session of its own, which a user asks for (`asked`) or a run
and a copy have for themselves (`room`).

`session` all devices; `turn` one of them; `witnesses` the media that are asked for copies; `far`
devices of other nodes.
"""

"""Making room on staging devices: a session of its own, which a user asks for (`asked`) or a run
and a copy have for themselves (`room`).

`session` all devices; `turn` one of them, with a `tally` for the report; `freer` whoever does it,
here or by an agent `far` away; `kept` why a segment stays; `witnesses` the media that are asked for
copies.
"""

"""PURE LOGIC of buffers, agents and sessions: an event in, actions out.  No Ray, no I/O, no clock.

`admission` who may take devices, and when; `window` credit; `order` what may be accepted; `outbox`
what has been sent and not released; `commit` when to sync; `lag` who is too far behind; `buffer`
the machine in front of a media agent; `sender` the machine of a client, `spread` that of a restore
agent; `pace` rates of couplings; `patience` when slow is stalled; `restarts` how often the dead
are replaced; `outcome` how a session ends.
For reading: `choice` of copies, `sharing` among equal ones, `read_ahead` how far.
The runtime and the simulator run these same machines.
"""

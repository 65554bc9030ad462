"""THE INSIDE OF A FRAME.  Bytes in, bytes out, no I/O.

`index` says where the chunks of a payload lie; `seal` closes and opens payloads, and is the only
place that does; `packing` makes content small, and `strength` says how small each kind of it;
`cipher` encrypts, with keys of a `key_ring`; `page` the entries of a version as pages of the
manifest, and the root that lists them; `columns` their Arrow form; `envelope` Arrow batches as
bytes, and `lengths` what of these cannot be packed as it is.
"""

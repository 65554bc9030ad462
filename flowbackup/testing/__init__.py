"""SHIPPED WITH THE PRODUCT, used by its tests and by those of others: models, faults, suites.

`schedules` random orders of events for the machines of `flow/`; `frames` frames to write;
`faulty_calls` a system and `faulty_device` a device that fail on demand; `device_conformance` what
every device must do, `source_conformance` what every source of a package must.
"""

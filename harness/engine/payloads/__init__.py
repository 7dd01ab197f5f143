"""The payloads of records, one module for each kind: what the unit that makes it writes, and what is read of it.

A unit imports the one that it makes: its records depend on no other (`harness.planning.code`). Tables, score errors
and trajectories stand for themselves, and are written and read where they are defined.
"""

"""The units of work, one module for each kind: from a job to the records that it makes.

What a module here imports is the code that its records depend on (`harness.planning.code`): each imports what it runs.
"""

"""Planning: the units of work that a suite takes, their keys, and the rows that they will fill."""

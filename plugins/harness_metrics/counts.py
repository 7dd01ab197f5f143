"""How many points a distance of samples compares: what the parameter `points` says of it."""

COMPARED = "most points of either sample that are compared, the first: what it takes grows with their square"

NEIGHBOURS = 15
"""The farthest neighbour at which a ball ends, at most."""

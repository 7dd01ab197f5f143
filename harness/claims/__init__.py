"""Claims: statements of a paper, from their contract to the page of verdicts."""

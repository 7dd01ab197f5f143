"""Racing: seeds go to the designs that may still be best, until the decision is settled or the budget is spent."""

"""Claims: statements of a paper, each with the experiment and the rule that decide it.

`harness_claims.claim` has the contract, `harness_claims.verdicts` and `harness_claims.readings` what rules share; the
rest serves the command `harness claims`.
"""

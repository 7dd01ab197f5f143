"""Evidence and decisions at the level that the shipped claims have: 5 % divided among the 13 of their paper."""

from functools import partial

from harness_claims.claim import Evidence
from harness_claims.verdicts import decision as decide
from harness_claims.verdicts import level

ALPHA = level(13)

evidence = partial(Evidence, alpha=ALPHA)

decision = partial(decide, alpha=ALPHA)

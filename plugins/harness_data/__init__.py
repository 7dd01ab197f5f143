"""Real data as targets: handwritten digits, patches of photographs, a user's array, the image sets of the field.

The target is the empirical measure of a training part, whose denoiser is exact; two further parts are held
out.
Sources: the optical digits of Alpaydin and Kaynak (UCI, 1998) and two photographs, both shipped with
scikit-learn (Pedregosa et al., JMLR 12, 2011); exact denoiser of finite data: Karras et al., arXiv
2206.00364, appendix B.3.
"""

from __future__ import annotations

from harness import hookimpl
from harness.targets import Target


@hookimpl
def harness_targets() -> list[type[Target]]:
    """Return the data targets."""
    from harness_data.image_sets import Cifar10, FashionMnist, Mnist
    from harness_data.targets import Digits, File, Patches

    return [Digits, Patches, File, Mnist, FashionMnist, Cifar10]

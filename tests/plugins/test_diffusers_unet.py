"""Diffusers' U-Net as a network: the library's function with the library's state, what is refused, how large it is."""

import pytest
import torch
from harness_diffusers.networks import DiffusersUnet
from harness_diffusers.unet import TimeFeatures
from image_modules import fresh

from harness.components import ComponentError
from harness.data_spec import DataSpec
from harness.errors import NotApplicable

diffusers = pytest.importorskip("diffusers")


def theirs(own):
    """The library's model, made from the configuration of one that was changed and given its state."""
    model = diffusers.UNet2DModel.from_config(own.config)
    model.load_state_dict(own.state_dict())
    return model


@pytest.mark.parametrize(
    "network",
    [
        DiffusersUnet(channels=8, attention=(8, 4), head_channels=4, time_scale=1000.0),
        DiffusersUnet(channels=8, multipliers=(1, 2, 2), blocks=2, labels=True),
    ],
    ids=str,
)
def test_it_is_the_function_of_the_library(network):
    ours = fresh(network, shape=(3, 8, 8)).function
    x, noise = torch.randn(4, 3, 8, 8), torch.tensor([-1.1, 0.0, 0.3, 0.9])
    labels = [torch.tensor([0, 3, 4, 1])] * network.labels
    with torch.no_grad():
        found = ours(x, noise, *labels)
        expected = theirs(ours.model)(x, network.time_scale * noise, *labels).sample
    assert float(expected.abs().mean()) > 0.05
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_features_are_those_of_a_time_step():
    steps = torch.tensor([0.0, 1.0, -0.3, 17.5, 999.0])
    expected = diffusers.models.embeddings.get_timestep_embedding(
        steps, 32, flip_sin_to_cos=True, downscale_freq_shift=0
    )
    torch.testing.assert_close(TimeFeatures(32)(steps), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("shape", "form", "why"),
    [
        ((1, 6, 6), {"multipliers": (1, 2, 2)}, "needs sides that 4 divides, and images are 6×6; give 2 multipliers"),
        ((1, 8, 8), {"attention": (5,)}, "no level has the side 5; those of images of this size are 8, 4"),
    ],
)
def test_images_that_do_not_fit_are_told_what_would(shape, form, why):
    with pytest.raises(NotApplicable, match=why):
        DiffusersUnet(channels=8, **form).module(DataSpec(shape, 1.0))


@pytest.mark.parametrize(
    ("form", "why"),
    [
        ("channels=6", "multiple of 4"),
        ("multipliers=[1, 0]", r"multipliers=\[1, 0\] must each be from 1 to 16"),
        ("attention=[0]", r"attention=\[0\] must be sides in pixels"),
        ("head_channels=5", "head_channels=5 must divide the 64 channels of a level"),
        ("time_scale=0", "greater than 0"),
    ],
)
def test_a_parameter_outside_its_range_is_refused(registry, form, why):
    with pytest.raises(ComponentError, match=why):
        registry.parse("network", f"diffusers-unet:{form}")


def test_it_has_the_parameters_that_the_library_counts():
    network = DiffusersUnet(multipliers=(2, 2, 2), blocks=2, channels=64, attention=(14,))
    ours = network.function(DataSpec((1, 28, 28), 0.5)).model
    assert ours.num_parameters() == theirs(ours).num_parameters()

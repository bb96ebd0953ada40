"""Encoder, decoder and discriminators: the paper's sizes, any width, and what depends on what."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from reference.ufdn.networks import (
    Decoder,
    Disentangler,
    Encoder,
    FeatureDiscriminator,
    PixelDiscriminator,
    initialise,
)
from reference.ufdn.structure import (
    DIGITS,
    FACES,
    Structure,
    decoder_parameters,
    deployed_macs,
    feature_parameters,
    head_parameters,
    trunk_parameters,
)

seeds = st.integers(0, 2**31 - 1)
structures = st.builds(
    lambda whole, width, kernel, domains: replace(
        whole.scaled(width), kernel=kernel, domains=domains
    ),
    st.sampled_from([DIGITS, FACES]),
    st.sampled_from([1 / 64, 1 / 32, 0.05]),
    st.sampled_from([3, 4]),
    st.integers(2, 4),
)
TINY = replace(DIGITS.scaled(1 / 64), kernel=3)


def count(network: nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


def vectors(structure: Structure, *domains: int) -> torch.Tensor:
    return torch.eye(structure.domains)[list(domains)]


@pytest.mark.parametrize(
    ("structure", "trunk", "head", "decoder"),
    [(DIGITS, 11.0, 33.6, 44.6), (FACES, 11.2, 16.8, 28.0)],
)
def test_the_papers_size_has_its_number_of_parameters(structure, trunk, head, decoder):
    with torch.device("meta"):
        encoder, own = Encoder(structure), Decoder(structure)
        found = [count(part) for part in (encoder.trunk, encoder.mean, own)]
    assert [round(one / 1e6, 1) for one in found] == [trunk, head, decoder]
    assert found == [part(structure) for part in SIZES]


SIZES = (trunk_parameters, head_parameters, decoder_parameters)


def test_the_discriminators_are_as_deep_as_the_authors():
    widths = [
        [layer.out_features for layer in FeatureDiscriminator(one).body if hasattr(layer, "weight")]
        for one in (DIGITS, FACES)
    ]
    assert widths == [[1024, 256, 2], [512, 256, 128, 64, 3]]
    assert count(FeatureDiscriminator(DIGITS)) == feature_parameters(DIGITS)
    d_pix = PixelDiscriminator(FACES)
    convs = [layer for layer in d_pix.body if isinstance(layer, nn.Conv2d)]
    assert [layer.out_channels for layer in convs] == [16, 32, 64, 128, 256]
    assert all(layer.kernel_size == (4, 4) and layer.stride == (2, 2) for layer in convs)
    assert (d_pix.score.in_features, d_pix.domain.out_features) == (512, 3)


@given(structure=structures)
@settings(max_examples=8, deadline=None)
def test_any_width_is_the_same_code(structure):
    vae = Disentangler(structure)
    encoder = vae.encoder
    found = [count(part) for part in (encoder.trunk, encoder.log_variance, vae.decoder)]
    assert found == [part(structure) for part in SIZES]
    pictures = torch.randn(2, 3, structure.side, structure.side)
    mean, log_variance = encoder(pictures)
    assert mean.shape == log_variance.shape == (2, structure.code)
    made = vae(pictures, vectors(structure, 0, 1))
    assert made.shape == pictures.shape
    assert made.abs().max() <= 1
    assert FeatureDiscriminator(structure)(mean).shape == (2, structure.domains)
    scores, logits = PixelDiscriminator(structure)(made)
    assert scores.shape == (2,)
    assert logits.shape == (2, structure.domains)


@pytest.mark.parametrize("changes", [{"side": 64}, {"decoder": (8, 4)}])
def test_layers_that_do_not_fit_the_side_are_refused(changes):
    with pytest.raises(ValueError, match="do not fit"):
        replace(DIGITS, **changes)


@given(seed=seeds)
@settings(max_examples=10)
def test_in_evaluation_the_code_is_the_mean(seed):
    torch.manual_seed(seed)
    vae, pictures = Disentangler(TINY, 1.0).eval(), torch.randn(3, 3, 32, 32)
    mean, _ = vae.encoder(pictures)
    assert torch.equal(vae.code(pictures), mean)
    assert torch.equal(vae.code(pictures), vae.code(pictures))
    vae.train()
    assert not torch.equal(vae.sample(mean, mean), vae.sample(mean, mean))


@given(seed=seeds)
@settings(max_examples=10)
def test_sampled_codes_have_the_variance_that_they_are_told(seed):
    torch.manual_seed(seed)
    vae = Disentangler(TINY).train()
    log_variance = torch.full((4000, 4), 1.2)
    drawn = vae.sample(torch.full((4000, 4), 3.0), log_variance)
    assert drawn.mean().item() == pytest.approx(3, abs=0.1)
    assert drawn.var().item() == pytest.approx(torch.tensor(1.2).exp().item(), rel=0.1)


@given(seed=seeds)
@settings(max_examples=10)
@torch.no_grad()
def test_the_decoder_depends_on_the_domain_through_its_columns_alone(seed):
    torch.manual_seed(seed)
    decoder = Disentangler(TINY, 1.0).decoder.eval()
    codes = torch.randn(3, TINY.code)
    first, second = vectors(TINY, 0, 0, 0), vectors(TINY, 1, 1, 1)
    assert not torch.equal(decoder(codes, first), decoder(codes, second))
    decoder.body[0].weight[TINY.code :] = 0
    assert torch.equal(decoder(codes, first), decoder(codes, second))


@given(seed=seeds)
@settings(max_examples=10)
@torch.no_grad()
def test_a_picture_between_two_domains_lies_between_them_before_the_first_norm(seed):
    """Domain vectors may be mixed: the first layer is affine in them."""
    torch.manual_seed(seed)
    first = Disentangler(TINY).decoder.body[0]
    code = torch.randn(1, TINY.code)

    def at(share: float) -> torch.Tensor:
        mixed = torch.tensor([[1 - share, share]])
        return first(torch.cat([code, mixed], 1)[..., None, None])

    torch.testing.assert_close(at(0.25), 0.75 * at(0) + 0.25 * at(1), atol=1e-5, rtol=1e-4)


def test_only_the_inner_of_a_4x4_kernel_meets_the_2x2_map():
    encoder = Encoder(replace(TINY, kernel=4))
    encoder(torch.randn(4, 3, 32, 32))[0].sum().backward()
    reached = encoder.mean.weight.grad.abs().sum((0, 1)) > 0
    assert reached.tolist() == [[0 < i < 3 and 0 < j < 3 for j in range(4)] for i in range(4)]


@pytest.mark.parametrize("scale", [0.0, 1.0])
def test_weights_start_as_the_authors_draw_them(scale):
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 200, 4), nn.BatchNorm2d(20_000), nn.Linear(5, 5))
    before = network[2].weight.clone()
    initialise(network, scale)
    assert network[0].weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert network[1].weight.mean().item() == pytest.approx(scale, abs=1e-3)
    assert network[1].weight.std().item() == pytest.approx(0.02, rel=0.1)
    assert torch.equal(network[2].weight, before)


@pytest.mark.parametrize("kernel", [3, 4])
def test_multiply_accumulates(kernel):
    """Counted once more, layer by layer; around the 2x2 map only the inner kernel counts."""
    structure = replace(DIGITS.scaled(1 / 16), kernel=kernel)
    found = 0

    def add(layer, inputs, output):
        nonlocal found
        pixels = inputs[0] if isinstance(layer, nn.ConvTranspose2d) else output
        single = 1 in (inputs[0].shape[-1], output.shape[-1])
        area = 4 if single else kernel**2
        found += layer.in_channels * layer.out_channels * area * pixels.shape[-1] ** 2

    vae = Disentangler(structure).eval()
    for layer in [*vae.encoder.trunk, vae.encoder.mean, *vae.decoder.body]:
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            layer.register_forward_hook(add)
    vae(torch.zeros(1, 3, 32, 32), vectors(structure, 0))
    # Without what the domain vector adds, which is a bias once it is folded in.
    domain = structure.domains * 4 * structure.decoder[0]
    assert found - domain + structure.code * 10 == deployed_macs(structure, 10)

"""Options of a training: names, defaults, limits, and what they mean."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

from reference.options import Options, between, one_of, option
from reference.ufdn.structure import DIGITS, FACES, Structure

# What is trained: digits that are known in one domain, or pictures alone.
ADAPTATION, IMAGES = FORMS = ("adaptation", "images")
# All of it, without the encoder's game, or the digits of the source alone.
FULL, NO_ADVERSARY, SOURCE_ONLY = VARIANTS = ("full", "no_adversary", "source_only")
INVERSION, REVERSAL = ADVERSARIES = ("inversion", "reversal")
OVER_PICTURES, OVER_PIXELS = PENALTIES = ("picture", "pixel")


@dataclass(frozen=True)
class Ramp:
    """A weight that goes from one value to another in a straight line, and stays there.

    Attributes:
        initial: At the first step.
        final: After `steps` steps.
        steps: At least one.
    """

    initial: float
    final: float
    steps: int = 1

    def at(self, step: int) -> float:
        """Return the weight at a step, counted from 0."""
        return self.initial + (self.final - self.initial) * min(1.0, step / self.steps)


def constant(value: float) -> Ramp:
    """Return a weight that stays what it is."""
    return Ramp(value, value)


NONE = constant(0)


@dataclass(frozen=True)
class Weights:
    """Weights of the terms, by the names of the authors' configuration.

    Attributes:
        pix_recon: Of the reconstruction.
        kl: Of the KL divergence, summed over a batch.
        feat_domain: Of label inversion.
        digit: Of the digits.
        gp: Of the gradient penalty.
        pix_adv: Of the decoder's adversarial term.
        pix_clf: Of the domain that D_pix sees in a made picture.
    """

    pix_recon: Ramp
    kl: Ramp
    feat_domain: Ramp
    digit: Ramp = NONE
    gp: Ramp = NONE
    pix_adv: Ramp = NONE
    pix_clf: Ramp = NONE


# As in the authors' two configurations.
PUBLISHED_ADAPTATION = Weights(
    pix_recon=constant(1), kl=constant(1e-7), feat_domain=constant(0.1), digit=constant(1)
)
PUBLISHED_FACES = Weights(
    pix_recon=Ramp(100, 1, 1000),
    kl=constant(1e-6),
    feat_domain=Ramp(0, 1, 10_000),
    gp=constant(100),
    pix_adv=Ramp(0, 1e-6, 10_000),
    pix_clf=Ramp(0, 1e-6, 10_000),
)


@dataclass(frozen=True)
class Settings(Options):
    """How the networks are built and trained; the help of each option says what it is."""

    METHOD: ClassVar[str] = "ufdn"

    form: str = option(ADAPTATION, one_of(*FORMS), "digits of a source for targets, or pictures")
    variant: str = option(FULL, one_of(*VARIANTS), "what is trained of the adaptation")
    width: float = option(1 / 16, between(1 / 64, 1), "width of all networks; 1 is the paper's")
    d_width: float = option(0.25, between(1 / 64, 1), "width of D_feat")
    code: int = option(16, between(1, 4096), "length of the code; the authors' is 2048, faces 1024")
    kernel: int = option(3, one_of(3, 4), "side of the kernels; the authors' is 4, the KPU's 3")
    side: int = option(32, one_of(32, 64), "side of the pictures")
    norm_scale: float = option(1.0, between(0, 1), "mean scale of norms at the start; authors': 0")
    batch: int = option(64, between(2, 1024), "most pictures of each domain a step")
    lr: float = option(1e-3, between(1e-6, 1), "learning rate of encoder, decoder and digit head")
    d_lr: float = option(2e-3, between(1e-6, 1), "learning rate of D_feat and D_pix")
    d_steps: int = option(10, between(1, 100), "steps of D_feat to each of the encoder")
    decay: float = option(0.5, between(0, 1), "share of the steps in which lr falls to zero")
    shift: int = option(2, between(0, 8), "pixels by which pictures are moved at random")
    invert: int = option(0, one_of(0, 1), "1: grey pictures are inverted on every other step")
    adversary: str = option(INVERSION, one_of(*ADVERSARIES), "what the encoder does against D_feat")
    penalty: str = option(OVER_PICTURES, one_of(*PENALTIES), "over what the penalty's norm is")
    pix_recon: float = option(1.0, between(0, 1e4), "weight of the reconstruction")
    kl: float = option(1e-6, between(0, 1), "weight of the KL divergence, summed over a batch")
    feat_domain: float = option(4.0, between(0, 1e4), "weight of the game against D_feat")
    ramp: int = option(200, between(1, 10**6), "steps in which weights of the games rise from 0")
    gp: float = option(10.0, between(0, 1e4), "weight of the gradient penalty; the authors' is 100")
    pix_adv: float = option(1e-3, between(0, 1e4), "weight of the decoder's game against D_pix")
    pix_clf: float = option(1e-2, between(0, 1e4), "weight of the domain in made pictures")
    look: int = option(0, between(0, 100), "place of the domain as which the K210 shows pictures")

    def structure(self, domains: int) -> Structure:
        """Return the networks' channels for so many domains."""
        whole = DIGITS if self.side == DIGITS.side else FACES
        feature = whole.scaled(self.d_width).feature
        return replace(
            whole.scaled(self.width),
            code=self.code,
            domains=domains,
            feature=feature,
            kernel=self.kernel,
        )

    @property
    def weights(self) -> Weights:
        """The weights of all terms, zero where form or variant leave one out."""
        alone, game = self.variant == SOURCE_ONLY, self.variant == FULL
        pixels = self.form == IMAGES
        return Weights(
            pix_recon=constant(0 if alone else self.pix_recon),
            kl=constant(0 if alone else self.kl),
            feat_domain=Ramp(0, self.feat_domain if game else 0, self.ramp),
            digit=constant(0 if pixels else 1),
            gp=constant(self.gp if pixels else 0),
            pix_adv=Ramp(0, self.pix_adv if pixels else 0, self.ramp),
            pix_clf=Ramp(0, self.pix_clf if pixels else 0, self.ramp),
        )

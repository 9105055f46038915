"""The stages of a training by name, in the order in which they build on one another."""

from enum import StrEnum


class Stage(StrEnum):
    """What is trained at a time."""

    VAE = "vae"
    """The autoencoder, on freshly rendered pictures."""
    JUDGES = "judges"
    """The critic and the mouth predictor of the benchmark; they never give a gradient to the model."""
    CHOREOGRAPHER = "choreographer"
    """What decides what is done: flow matching on the motion of all footage, of which it sees no picture (ours)."""
    BASE = "base"
    """Transformer and encoders: flow matching on windows of all footage."""
    SFT = "sft"
    """Base goes on with the expressive, above all listeners (LPM 1.0, section 2, phase 5)."""
    DPO = "dpo"
    """Base comes to prefer the better of its own takes (phase 6)."""
    CAUSAL = "causal"
    """Online learns to denoise a chunk from its past alone, at any time (ours)."""
    ODE = "ode"
    """Online learns to jump to where Base would have ended (LPM 1.0, section 3, stage 1)."""
    OFF_POLICY = "off-policy"
    """Online makes what Base finds likely, behind real history (stage 2)."""
    ON_POLICY = "on-policy"
    """The same behind its own history (stage 3)."""
    REFINE = "refine"
    """A second network goes over what the first has made (stage 4)."""


BASE_STAGES = (Stage.VAE, Stage.JUDGES, Stage.CHOREOGRAPHER, Stage.BASE)
POST_STAGES = (Stage.SFT, Stage.DPO)
"""Wanted by name alone: neither has earned its place in nano yet."""
ONLINE_STAGES = (Stage.CAUSAL, Stage.ODE, Stage.OFF_POLICY, Stage.ON_POLICY, Stage.REFINE)

"""How large numbers get inside the decoder: with that known, it may decode in 8 bits."""

import torch

from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.references import reference_rigs
from openlpm.synth.look.render import Cast
from openlpm.vae.autoencoder import VideoAutoencoder, normalise_latents
from openlpm.vae.eight_bit import largest_activations

_HEADROOM = 1.2
"""What is larger still is cut off; every tenth more costs every other picture .3 dB."""
_LATENT_NOISE = 0.3


@torch.inference_mode()
def measured_activations(vae: VideoAutoencoder, *, num_people: int = 16) -> tuple[float, ...]:
    """``AutoencoderConfig.activations`` of a trained autoencoder, from training people in every reference pose.

    Each pose is a still of its own, so everything between two of them moves at once, and latents are disturbed: a
    generator's are never quite those of the encoder.
    """
    device = next(vae.parameters()).device
    rigs_FR = torch.stack([torch.from_numpy(rig_R) for rig_R in reference_rigs().values()]).to(device)
    draw = generator("decoder activations")
    largest: list[tuple[float, ...]] = []
    for seed in draw.choice(len(seeds_of(Split.TRAIN)), num_people, replace=False).tolist():
        frames_FCHW = Cast([Identity.from_seed(seed)], device=str(device)).render(rigs_FR[None])[0]
        latents_FCHW = vae.encode_still(frames_FCHW * 2 - 1)
        noise_FCHW = torch.from_numpy(draw.standard_normal(latents_FCHW.shape)).to(latents_FCHW)
        shown = (latents_FCHW, normalise_latents(latents_FCHW + _LATENT_NOISE * noise_FCHW))
        largest.extend(largest_activations(vae.decoder, shown_FCHW[None]) for shown_FCHW in shown)
    return tuple(round(_HEADROOM * max(of_one), 4) for of_one in zip(*largest, strict=True))

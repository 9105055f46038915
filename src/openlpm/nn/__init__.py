"""Layers with no opinion about the model: attention, 3D RoPE, norms, modulation, MLP, time."""

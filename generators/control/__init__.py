"""Steering frozen nets towards targets: guidance by energies, counting, particles, latents."""

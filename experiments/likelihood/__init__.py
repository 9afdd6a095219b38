"""`takeback likelihood`: what estimates of a diffusion network's likelihood are off by, against the exact one."""

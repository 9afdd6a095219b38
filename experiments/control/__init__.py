"""`takeback control`: can gradients on a continuous latent steer where a frozen AR net cannot?"""

"""Frozen nets steered towards targets: rules that they were not trained on (or, ar-prompted, that they are told).

    spec, latent_spec    the words: Steering for AR and masked diffusion, Sampler for latent diffusion
    steer                runs a Steering
    guided_decoding      cell by cell under a guide, with its retractions
    particles            several boards a sample: beam search and SMC
    latent_sampling      runs a Sampler: latents under a guide
    guidance             Guide: the energy of each board's rules, its slope, and the balance with a net
    semantic_loss        the energy of a rule
    prefix_potentials    guides of nets that write in raster order: relaxed, learned, exact
    pplm                 a guide that moves what an AR net has read
    state                the books: those of decoding, with targets and samples

To add a guide: for AR a PrefixPotential (prefix_potentials.py) and its case in GuidedDecoding; for masked diffusion a
slope in GuidedDecoding.tilted; for latents a case in _LatentSampling.estimate; then its word in spec.py or
latent_spec.py. To add a rule's energy: a case of batched_energy (semantic_loss.py). A retraction of full boards is a
case in GuidedDecoding.take_back.
"""

"""The one training loop, its config, its data, and how a stopped run goes on."""

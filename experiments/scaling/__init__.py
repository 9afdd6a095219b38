"""`takeback scaling`: does scaling need autoregression? Excess nats over an exact floor, at equal training FLOPs."""

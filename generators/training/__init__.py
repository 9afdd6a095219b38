"""How networks are trained: `takeback train` runs this.

    config      TrainConfig, every option of a run, which is also the command line
    datasets    puzzles as arrays: drawn, moved by symmetries, some givens dropped
    trainer     the one loop: draw a batch, corrupt it, average the losses, step, validate, keep
    resume      which weights are kept, and the state that a stopped run goes on from
    processes   a run on several processes: shares of a batch, sums over all

To add an option: a field of TrainConfig with its check, used where the batch is drawn (trainer.draw_batch) or the
optimiser is made; one that only one kind's corrupt() takes goes into CORRUPTION_OPTIONS, and the loop passes it on. To
weigh or choose boards by their loss: model.loss() returns one value a board, which Share.mean averages.
"""

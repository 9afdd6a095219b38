#!/bin/sh
# Trains the shipped checkpoints: about five hours on two cores, one thread each.
# Remove the shipped ones first: a checkpoint is never overwritten.
# Nets of one family get the same backbone, puzzles, batches and number of updates, whatever their kind; quality is a
# head on the family's diffusion net.
set -e
cd "$(dirname "$0")/.."
train() { # KIND FAMILY UPDATES
    .venv/bin/takeback train "$1" --family "$2" --updates "$3" --threads 1 \
        --out "generators/checkpoints/$2-$1.safetensors"
}
for family in sudoku6 colouring sudoku9; do
    train ar $family 1500 &
    train diffusion $family 1500 &
    wait
done
for family in sudoku6 colouring; do
    { train ar-random $family 1500; train ar-written $family 1500; } &
    { train ar-solver $family 1500; train quality $family 500; } &
    wait
done
train quality sudoku9 500

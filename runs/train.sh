#!/bin/sh
# Trains the six shipped checkpoints: about two and a half hours on two cores, one thread each.
# Remove the shipped ones first: a checkpoint is never overwritten.
# Twins (ar, diffusion) of a family get the same backbone, puzzles, batches and number of updates.
set -e
cd "$(dirname "$0")/.."
for family in sudoku6 colouring sudoku9; do
    for kind in ar diffusion; do
        .venv/bin/takeback train "$kind" --family "$family" --updates 1500 --threads 1 \
            --out "generators/checkpoints/$family-$kind.safetensors" &
    done
    wait
done

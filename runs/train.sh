#!/bin/sh
# Trains the four shipped checkpoints: about an hour and a quarter on two cores, one thread each.
# Twins (ar, diffusion) of a family get the same backbone, puzzles, batches and number of updates.
set -e
cd "$(dirname "$0")/.."
for family in sudoku6 colouring; do
    for kind in ar diffusion; do
        .venv/bin/takeback train "$kind" --family "$family" --updates 1500 --threads 1 &
    done
    wait
done

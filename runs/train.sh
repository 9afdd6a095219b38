#!/bin/sh
# Trains the shipped checkpoints: about five hours on two cores, one thread each.
# Remove the shipped ones first: a checkpoint is never overwritten. With a CUDA device the same commands take
# `--device cuda`; `torchrun --nproc-per-node 2 -m experiments.train` in place of `takeback train` uses two processes.
# Nets of one family get the same backbone, puzzles, batches and number of updates, whatever their kind; quality is a
# head on the family's diffusion net.
set -e
cd "$(dirname "$0")/.."
train() { # KIND FAMILY UPDATES [OPTION ...]
    kind=$1 family=$2 updates=$3
    shift 3
    .venv/bin/takeback train "$kind" --family "$family" --updates "$updates" --threads 1 "$@" \
        --out "generators/checkpoints/$family-$kind.safetensors"
}

# 6x6: fp32.
train ar sudoku6 1500 &
train diffusion sudoku6 1500 &
wait
{ train ar-random sudoku6 1500; train ar-written sudoku6 1500; } &
{ train ar-solver sudoku6 1500; train quality sudoku6 500; } &
wait

# 9x9: half of the puzzles of each batch lose givens, so that the nets meet boards as empty as a 17-clue puzzle.
train ar sudoku9 2000 --thin 0.5 --precision bf16 &
train diffusion sudoku9 2000 --thin 0.5 --precision bf16 &
wait
train quality sudoku9 500 --precision bf16 &

# Colouring: graphs of 20 to 200 nodes and 3 to 12 colours (MIXTURES in generators/training.py).
train ar colouring 1500 --puzzles 8000 --unfold 0.5 --precision bf16 &
wait
train diffusion colouring 1500 --puzzles 8000 --unfold 0.5 --precision bf16

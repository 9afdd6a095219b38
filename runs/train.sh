#!/bin/sh
# Trains the shipped checkpoints: about eight hours on two cores, one thread each.
# Remove the shipped ones first: a checkpoint is never overwritten. With a CUDA device the same commands take
# `--device cuda`; `torchrun --nproc-per-node 2 -m experiments.train` in place of `takeback train` uses two processes.
# On a processor without bf16 instructions leave --precision bf16 out: it is a hundred times slower there.
# Nets of one family get the same backbone, puzzles, batches and number of updates, whatever their kind; quality is a
# head on the family's diffusion net.
set -e
cd "$(dirname "$0")/.."
train() { # KIND FAMILY UPDATES [OPTION ...]; NAME: what stands before the kind in the file's name
    kind=$1 family=$2 updates=$3
    shift 3
    .venv/bin/takeback train "$kind" --family "$family" --updates "$updates" --threads 1 "$@" \
        --out "generators/checkpoints/$family-${NAME:-}$kind.safetensors"
}

# 6x6: fp32.
train ar sudoku6 1500 &
train diffusion sudoku6 1500 &
wait
{ train ar-random sudoku6 1500; train ar-written sudoku6 1500; } &
{ train ar-solver sudoku6 1500; train quality sudoku6 500; } &
wait
train diffusion-blind sudoku6 1500

# 9x9: half of the puzzles of each batch lose givens, so that the nets meet boards as empty as a 17-clue puzzle.
train ar sudoku9 2000 --drop-givens 0.5 --precision bf16 &
train diffusion sudoku9 2000 --drop-givens 0.5 --precision bf16 &
wait
train quality sudoku9 500 --precision bf16 &

# Colouring: 3 colours, 20 to 50 nodes, fp32.
train ar colouring 1500 &
train diffusion colouring 1500 &
wait
train ar-random colouring 1500 &
train ar-solver colouring 1500 &
wait

# Colouring, 3 to 12 colours and graphs of any size (MIXTURES in generators/training/trainer.py); the small nets come first
# where they fit.
for kind in ar diffusion; do
    NAME=wide- train "$kind" colouring 2000 --mix graphs --puzzles 8000 --curriculum 0.5 --precision bf16 &
done
wait

# Complete 6x6 grids and colourings of 20 nodes without a clue, to be steered (takeback control); and, for grids, nets
# that are told the control: conditional AR, FUDGE's discriminator, a classifier on the latents of the shipped
# latent-values net. bf16.
for kind in ar diffusion latent latent-values; do
    train "$kind" grid6 1500 --precision bf16 &
    train "$kind" graph20 1500 --precision bf16 &
    wait
done
train ar-prompted grid6 1500 --precision bf16 &
train future grid6 1500 --precision bf16 &
wait
train latent-rules grid6 1500 --precision bf16

# What stands on a shipped net is shipped without that net's weights.
for net in sudoku6-quality sudoku9-quality grid6-latent-rules; do
    .venv/bin/python -m generators.ship "generators/checkpoints/$net.safetensors"
done

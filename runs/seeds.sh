#!/bin/sh
# Two more nets of each of the three kinds that takeback control compares, by other seeds, on grids and on graphs: about
# three hours on two cores. They are not shipped. In fp32, as they were trained; the shipped ones are in bf16.
set -e
cd "$(dirname "$0")/.."
for family in grid6 graph20; do
    for kind in latent-values ar diffusion; do
        for seed in 1 2; do
            .venv/bin/takeback train "$kind" --family "$family" --updates 1500 --threads 1 --seed "$seed" \
                --data-seed "$seed" --out "results/seeds/$seed/$family-$kind.safetensors" &
        done
        wait
    done
done

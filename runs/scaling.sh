#!/bin/sh
# Does scaling need autoregression? Trains what is not there yet, ships a summary of all that is, and writes its page.
#     sh runs/scaling.sh DIR [PART,PART,...]      about a day of two cores for all parts; goes on where it was stopped
#     SO_FAR=1 sh runs/scaling.sh DIR             trains nothing of the grid, also while another process does
set -e
cd "$(dirname "$0")/.."
out=${1:-results/scaling-standard}
[ -n "$SO_FAR" ] || .venv/bin/takeback scaling --preset standard --out "$out" --parts "${2:-}"
.venv/bin/python -m experiments.scaling.shipped "$out"
.venv/bin/takeback scaling --out results/scaling-quick
.venv/bin/takeback markdown results/scaling-quick --keep scaling-quick --line "takeback scaling"
cp results/scaling-quick/scaling.png docs/scaling.png
.venv/bin/takeback markdown

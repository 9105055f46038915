#!/usr/bin/env bash
# Does footage that came through the dataset pipeline serve? Two nanos from one start, for the same seconds: one learns
# from conversations that were written as videos and went through all stages, one from performers with exact truth.
#
#   TALKS=60 SECONDS_EACH=30 TRAIN_S=240 DEVICE=cuda bash runs/close_circle.sh OUT [INIT]
#
# TALKS conversations of training people of each layout (cut, side by side), SECONDS_EACH long, are drawn on DEVICE and
# built into shards by WORKERS processes; then Base is trained from INIT (the shipped nano) for TRAIN_S on the shards and
# on as many drawn clips, and bench base (CLIPS, at most GROUP_CLIPS a group) reads all three. The same command goes on
# where a killed one stood. OUT gets raw, dataset, filmed, drawn, and a table each: shipped.json, filmed.json, drawn.json.
set -eu
OUT=$1
INIT=${2:-src/openlpm/weights/data/nano}
TALKS=${TALKS:-60}
SECONDS_EACH=${SECONDS_EACH:-30}
TRAIN_S=${TRAIN_S:-240}
DEVICE=${DEVICE:-auto}
WORKERS=${WORKERS:-$(nproc)}
CLIPS=${CLIPS:-48}
GROUP_CLIPS=${GROUP_CLIPS:-24}
export PYTHONPATH="src:${PYTHONPATH:-}" PYTHONUNBUFFERED=1
PYTHON=${PYTHON:-python3}
openlpm() { "$PYTHON" -c 'import sys; from openlpm.cli.main import main; sys.exit(main())' "$@"; }
mkdir -p "$OUT"

for layout in cut side-by-side; do
  openlpm synth render --split train --layout "$layout" --count "$TALKS" --seconds "$SECONDS_EACH" --device "$DEVICE" \
    --out "$OUT/raw/$layout"
done
openlpm data build "$OUT/raw" --out "$OUT/dataset" --workers "$WORKERS" --memory-mib 0
openlpm data report --dataset "$OUT/dataset"

openlpm train base --init "$INIT" --shards "$OUT/dataset" --seconds "base=$TRAIN_S" --out "$OUT/filmed" ${SETTINGS:-}
openlpm train base --init "$INIT" --seconds "base=$TRAIN_S" --out "$OUT/drawn" \
  --set footage.num_clips="$((2 * TALKS * SECONDS_EACH / 10 + 1))" ${SETTINGS:-}
for entry in shipped filmed drawn; do
  model=$OUT/$entry
  [ "$entry" = shipped ] && model=$INIT
  [ -f "$OUT/$entry.json" ] || openlpm bench base --model "$model" --no-demo --device "$DEVICE" --clips "$CLIPS" \
    --group-clips "$GROUP_CLIPS" --json "$OUT/$entry.json"
done

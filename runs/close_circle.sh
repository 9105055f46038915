#!/usr/bin/env bash
# Does footage serve that came through the dataset pipeline? The same nano goes on from filmed shards and from as many
# drawn clips for as long, beside one another on one GPU; then `openlpm bench base` reads both and the shipped one.
#
#   FILMS=24 CLIPS=128 TRAIN_S=120 bash runs/close_circle.sh OUT
#
# Films are conversations of training people (FILM_S seconds each, every sixth side by side), taken apart by all stages
# with their defaults, but that clips are at most 15 s: who is seen in one long clip has no reference from another one.
# SHARDS names a dataset that is there already. Nothing is compiled: in two minutes that would cost more than it gives,
# and windows without motion are other graphs. What was finished is not made again. BENCH (arguments of `bench base`)
# and SET (of `train base`) make it smaller. A try of a quarter of an hour on two cores, with a dataset that is there:
# DEVICE=cpu SHARDS=dataset CLIPS=3 TRAIN_S=1 BENCH=--quick
# SET="--set objective.windows.token_frames=76 --set trainer.log_every=1".
set -eu
OUT=$1
FILMS=${FILMS:-24} FILM_S=${FILM_S:-60} CLIPS=${CLIPS:-128} TRAIN_S=${TRAIN_S:-120} DEVICE=${DEVICE:-cuda}
SHARDS=${SHARDS:-$OUT/filmed}
BENCH=${BENCH:---clips 64 --group-clips 16 --no-demo}
NANO=src/openlpm/weights/data/nano
PYTHON=${PYTHON:-python3}
mkdir -p "$OUT"
export PYTHONPATH="src:${PYTHONPATH:-}" PYTHONUNBUFFERED=1 OUT FILM_S DEVICE PYTHON
export CLI='import sys; from openlpm.cli.main import main; sys.exit(main())'
openlpm() { "$PYTHON" -c "$CLI" "$@"; }
export -f openlpm

film() { # number: one conversation, the last of six side by side
  local layout=cut
  if (($1 % 6 == 5)); then layout=side-by-side; fi
  OMP_NUM_THREADS=1 openlpm synth render --out "$OUT/films" --split train --seconds "$FILM_S" --seed "$1" --count 1 \
    --layout "$layout" --device "$DEVICE" >"$OUT/film-$1.log" 2>&1
}
export -f film
if [ ! -e "$SHARDS" ]; then
  mkdir -p "$OUT/films"
  seq 0 $((FILMS - 1)) | xargs -P "$(nproc)" -I{} bash -c 'film {}'
  OMP_NUM_THREADS=1 openlpm data build "$OUT/films" --out "$OUT/building" --workers "$(nproc)" --memory-mib 0 \
    --set shots.longest_s=15 >"$OUT/build.log" 2>&1
  mv "$OUT/building" "$SHARDS"
fi

train() { # folder, bank, seconds, footage
  TORCH_COMPILE_DISABLE=1 openlpm train base --out "$OUT/$1" --init "$NANO" --bank "$OUT/$2.bank" --seconds "base=$3" \
    --set trainer.optimiser.lr=0.0007 --set trainer.schedule.warmup_steps=50 --set trainer.average_decay=0.99 \
    ${SET:-} "${@:4}" >"$OUT/$1.log" 2>&1
}
FILMED=(--shards "$SHARDS" --set "shards.num_clips=$CLIPS")
DRAWN=(--set "footage.num_clips=$CLIPS")
# Banks first: both trainings begin at once, and neither has the GPU for itself.
[ -f "$OUT/filmed.bank" ] || train bank-filmed filmed 1 "${FILMED[@]}" &
[ -f "$OUT/drawn.bank" ] || train bank-drawn drawn 1 "${DRAWN[@]}" &
wait
for bank in filmed drawn; do
  [ -f "$OUT/$bank.bank" ] || { echo "no bank came: read $OUT/bank-$bank.log" >&2; exit 1; }
done
train from-filmed filmed "$TRAIN_S" "${FILMED[@]}" &
train from-drawn drawn "$TRAIN_S" "${DRAWN[@]}" &
wait
for name in from-filmed from-drawn; do
  [ -f "$OUT/$name/config.json" ] && [ -d "$OUT/$name/dit" ] || { echo "read $OUT/$name.log" >&2; exit 1; }
done
for name in from-filmed from-drawn shipped; do
  MODEL=$OUT/$name
  [ "$name" = shipped ] && MODEL=$NANO
  [ -f "$OUT/$name.json" ] && continue
  # shellcheck disable=SC2086
  openlpm bench base --model "$MODEL" --device "$DEVICE" $BENCH --json "$OUT/$name.json" >"$OUT/bench-$name.log" 2>&1 &
done
wait
"$PYTHON" - "$OUT" <<'P'
import json, sys
from pathlib import Path

names = ("shipped", "from-filmed", "from-drawn")
read = [json.loads((Path(sys.argv[1]) / f"{name}.json").read_text())["rows"] for name in names]
tables = [{row["name"]: row for row in rows} for rows in read]
print("| row | " + " | ".join(names) + " |\n|---|" + "---|" * len(names))
for name, row in tables[0].items():
    if "/" not in name or name.split("/")[1] in ("psnr", "psnr_mouth", "s", "raw"):
        cells = [
            "" if (each := table.get(name)) is None or each["value"] is None or each["low"] is None
            else f"{each['value']:.3f} ({each['low']:.3f} to {each['high']:.3f})"
            for table in tables
        ]
        print(f"| `{name}` | " + " | ".join(cells) + " |")
P

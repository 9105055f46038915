#!/usr/bin/env bash
# Make Online nano from Base on one machine with 1 to 8 GPUs, stage by stage, and package both into one model folder.
#
#   GPUS=2 STAGE_S=200 HUMAN=human.npz bash runs/train_online.sh OUT [BASE] [OPTION ...]
#
# BASE is the model folder of Base (the shipped nano); OPTIONs go to `openlpm train`. RANK is how many components of
# change Online may learn (0: whole matrices). STAGES leaves some out: what a stage is worth is what is lost without it. OUT/online gets a full-precision folder a stage,
# OUT/shipped/nano the package, of which the transformers of Online take BUDGET MiB. The same command goes on where a
# killed one stood.
set -u
OUT=$1
BASE=${2:-src/openlpm/weights/data/nano}
STAGES=${STAGES:-causal ode off-policy on-policy refine}
mkdir -p "$OUT"
export PYTHONPATH="src:${PYTHONPATH:-}" PYTHONUNBUFFERED=1
export CLI='import sys; from openlpm.cli.main import main; sys.exit(main())'

warm() { # number, parts: processes on one machine share what any of them has compiled
  CUDA_VISIBLE_DEVICES=$(($1 % ${GPUS:-1})) timeout "${WARM_S:-240}" python3 runs/profile_step.py --warm --out "$OUT/warm/$1" --rank "${RANK:-0}" "${@:2}" >"$OUT/warm/$1.log" 2>&1
}
if [ ! -e "$OUT/warm/done" ]; then
  mkdir -p "$OUT/warm"
  ( for piece in 0 1 2 3 4 5 6 7; do warm "$piece" --parts render --pieces "$piece" & done
    number=8
    for stage in $STAGES; do for layout in 0 1; do
      warm "$number" --parts online --stages "$stage" --layouts "$layout" & number=$((number + 1))
    done; done
    wait; touch "$OUT/warm/done" ) &
fi

torchrun --standalone --nproc-per-node "${GPUS:-1}" --no-python bash -c \
  'CUDA_VISIBLE_DEVICES=$LOCAL_RANK LOCAL_RANK=0 exec python3 -c "$CLI" "$@"' openlpm train $STAGES \
  --out "$OUT" --init "$BASE" --seconds "${STAGE_S:-200}" --wait-for "$OUT/warm/done" --set rank="${RANK:-0}" \
  ${HUMAN:+--set footage.human="$HUMAN"} ${SEED:+--set footage.seed="$SEED"} ${CLIPS:+--set footage.num_clips="$CLIPS"} \
  "${@:3}" >>"$OUT/online.log" 2>&1 || exit 1
LAST=${STAGES##* }
python3 -c "$CLI" package "$BASE" "$OUT/shipped/nano" --online "$OUT/online/$LAST" --budget "${BUDGET:-2.5}" \
  --json "$OUT/packaged.json" >>"$OUT/online.log" 2>&1 || exit 1
touch "$OUT/online-done"

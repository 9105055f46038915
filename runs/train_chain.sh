#!/usr/bin/env bash
# Train nano on one machine with 1 to 8 GPUs: all stages from one making of footage, then package and measure.
#
#   GPUS=2 STAGES="base causal ode off-policy on-policy refine" STAGE_S=base=560,causal=130,on-policy=170 \
#     HUMAN=human.npz bash runs/train_chain.sh OUT [INIT] [OPTION ...]
#
# INIT is the model folder to begin from (the shipped nano), OPTIONs go to `openlpm train`. Whatever can be compiled is
# compiled beside what does not need the GPU: the renderer and Base while footage is made, Online while Base is trained,
# one stage at a time on each GPU. RANK is how many components of change Online may learn (0: whole matrices), BUDGET
# the MiB that its transformers take in the package. OUT gets the full-precision weights (OUT/online a folder a stage),
# OUT/shipped what the package ships, and a log a part. JUDGES measure it (the shipped ones; those of the run if STAGES
# has them); UNMEASURED=1 ends with the package. VOICES (an .npz of `openlpm bench voices`) lets the benchmark hear
# people, FOOTAGE (of `openlpm bench footage`) see them speak. The same command goes on where a killed one stood.
set -u
OUT=$1
INIT=${2:-src/openlpm/weights/data/nano}
GPUS=${GPUS:-1}
STAGES=${STAGES:-vae judges base causal ode off-policy on-policy refine}
RANK=${RANK:-16}
mkdir -p "$OUT/warm"
rm -f "$OUT/warm/done"
export PYTHONPATH="src:${PYTHONPATH:-}" PYTHONUNBUFFERED=1
export CLI='import sys; from openlpm.cli.main import main; sys.exit(main())'
ONLINE=$(for stage in $STAGES; do case $stage in causal | ode | off-policy | on-policy | refine) echo "$stage" ;; esac; done)
has() { [[ " $STAGES " == *" $1 "* ]]; }
if { has vae || has judges; } && ! has base; then
  echo "train_chain.sh packages and measures a Base: with vae or judges give base in STAGES too" >&2
  exit 2
fi

warm() { # GPU, name, parts and layouts: processes on one machine share what any of them has compiled
  CUDA_VISIBLE_DEVICES=$(($1 % GPUS)) timeout "${WARM_S:-240}" python3 runs/profile_step.py --warm --rank "$RANK" \
    --out "$OUT/warm/$2" "${@:3}" >"$OUT/warm/$2.log" 2>&1
}
(
  for piece in 0 1 2 3 4 5 6 7; do warm "$piece" "render-$piece" --parts render --pieces "$piece" & done
  if has vae || has judges; then warm 0 vae --parts autoencoder critic & fi
  if has base; then for layout in 0 1 2 3; do warm "$layout" "base-$layout" --parts base --layouts "$layout" & done; fi
  wait
  # Online's graphs want the whole of neither the processors nor the GPU: they are made while Base is trained, if it is.
  if has base; then touch "$OUT/warm/done"; fi
  for layout in 0 1; do
    for stage in $ONLINE; do warm "$layout" "$stage-$layout" --parts online --stages "$stage" --layouts "$layout"; done &
  done
  wait
  touch "$OUT/warm/done"
) &
WARMING=$!

torchrun --standalone --nproc-per-node "$GPUS" --no-python bash -c \
  'CUDA_VISIBLE_DEVICES=$LOCAL_RANK LOCAL_RANK=0 exec python3 -c "$CLI" "$@"' openlpm train $STAGES \
  --out "$OUT" --init "$INIT" --wait-for "$OUT/warm/done" ${STAGE_S:+--seconds "$STAGE_S"} \
  ${ONLINE:+--set rank="$RANK"} ${HUMAN:+--set footage.human="$HUMAN"} ${SEED:+--set footage.seed="$SEED"} \
  ${CLIPS:+--set footage.num_clips="$CLIPS"} "${@:3}" >>"$OUT/train.log" 2>&1 || { kill "$WARMING"; exit 1; }

BASE=$OUT
[ -d "$OUT/dit" ] || BASE=$INIT
LAST=${ONLINE##*$'\n'}
# Many small decompositions: on all cores of a large machine they wait for one another, minutes instead of seconds.
OMP_NUM_THREADS=4 python3 -c "$CLI" package "$BASE" "$OUT/shipped/nano" ${LAST:+--online "$OUT/online/$LAST" --budget "${BUDGET:-4.2}"} \
  --json "$OUT/packaged.json" >>"$OUT/train.log" 2>&1 || exit 1
touch "$OUT/packaged"
if [ -n "${UNMEASURED:-}" ]; then exit 0; fi

JUDGES=${JUDGES:-src/openlpm/weights/data}
[ -d "$OUT/shipped/critic" ] && JUDGES=$OUT/shipped
measured() { # GPU, name, arguments of openlpm bench
  CUDA_VISIBLE_DEVICES=$(($1 % GPUS)) timeout "${MEASURE_S:-600}" python3 -c "$CLI" bench "$2" --device cuda \
    --judges "$JUDGES" --json "$OUT/$2.json" "${@:3}" >"$OUT/bench-$2.log" 2>&1
}
measured 0 base --model "$OUT/shipped/nano" --no-demo ${VOICES:+--voices "$VOICES"} ${FOOTAGE:+--footage "$FOOTAGE"} &
if [ -n "$ONLINE" ]; then
  measured 1 online --model "$OUT/shipped/nano" --base "$OUT/shipped/nano" --rows "${ONLINE_ROWS:-beside,streams}" \
    --clips 48 --group-clips 16 --streams 16 --minutes 3 --column free &
fi
if has judges; then measured 1 critic & fi
wait
touch "$OUT/done"

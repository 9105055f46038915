#!/usr/bin/env bash
# Train nano on one machine with 1 to 8 GPUs: compile beside the footage, train, package, then measure and sweep.
#
#   GPUS=2 AUTOENCODER_S=300 JUDGES_S=90 BASE_S=600 HUMAN=human.npz bash runs/train_nano.sh OUT [INIT]
#
# INIT is the model folder to begin from (the shipped nano), JUDGES_INIT that of the judges (without it the shipped
# ones). STAGES leaves some of vae, judges and base out: they stay as they are there. VAE_LR and BASE_LR are the highest
# rates: lower ones for weights that know much already (docs/log.md). OUT gets the full-precision weights, OUT/shipped
# what the package ships, and one log a part. VOICES (an .npz of `openlpm bench voices`) lets the benchmark hear people,
# FOOTAGE (of `openlpm bench footage`) see them speak.
set -u
OUT=$1
INIT=${2:-src/openlpm/weights/data/nano}
GPUS=${GPUS:-4}
STAGES=${STAGES:-vae judges base}
declare -A SECONDS_OF=([vae]=${AUTOENCODER_S:-300} [judges]=${JUDGES_S:-90} [base]=${BASE_S:-600})
TIMES=$(for stage in $STAGES; do printf '%s=%s,' "$stage" "${SECONDS_OF[$stage]}"; done)
mkdir -p "$OUT/warm"
export PYTHONPATH="src:${PYTHONPATH:-}" PYTHONUNBUFFERED=1

warm() { # number, parts and layouts: two processes on one machine share what either has compiled
  CUDA_VISIBLE_DEVICES=$(($1 % GPUS)) python3 runs/profile_step.py --warm --out "$OUT/warm/$1" "${@:2}" >"$OUT/warm/$1.log" 2>&1
}
( for piece in 0 1 2 3 4 5 6 7; do warm "$piece" --parts render --pieces "$piece" & done
  warm 8 --parts autoencoder critic & warm 9 --parts base --layouts 0 1 & warm 10 --parts base --layouts 2 3 &
  wait; touch "$OUT/warm/done" ) &

CLI='import sys; from openlpm.cli.main import main; sys.exit(main())'
CLI="$CLI" torchrun --standalone --nproc-per-node "$GPUS" --no-python bash -c \
  'CUDA_VISIBLE_DEVICES=$LOCAL_RANK LOCAL_RANK=0 exec python3 -c "$CLI" "$@"' openlpm train $STAGES \
  --out "$OUT" --init "$INIT" ${JUDGES_INIT:+--init-judges "$JUDGES_INIT"} --wait-for "$OUT/warm/done" \
  ${HUMAN:+--set footage.human="$HUMAN"} ${SEED:+--set footage.seed="$SEED"} ${CLIPS:+--set footage.num_clips="$CLIPS"} \
  ${VAE_LR:+--set vae.lr="$VAE_LR"} ${BASE_LR:+--set base.lr="$BASE_LR"} \
  --seconds "${TIMES%,}" >"$OUT/train.log" 2>&1 || exit 1
python3 -c "$CLI" package "$OUT" "$OUT/shipped/nano" >>"$OUT/train.log" 2>&1 || exit 1
touch "$OUT/packaged"
JUDGES=$OUT/shipped
[ -d "$JUDGES/critic" ] || JUDGES=${JUDGES_INIT:-src/openlpm/weights/data}

measured() { # number, name, command
  CUDA_VISIBLE_DEVICES=$(($1 % GPUS)) timeout "${MEASURE_S:-300}" python3 "${@:3}" >"$OUT/$2.log" 2>&1
}
measured 0 bench-base -c "$CLI" bench base --model "$OUT/shipped/nano" --judges "$JUDGES" --device cuda --no-demo \
  ${VOICES:+--voices "$VOICES"} ${FOOTAGE:+--footage "$FOOTAGE"} --json "$OUT/base.json" &
measured 1 bench-critic -c "$CLI" bench critic --judges "$JUDGES" --device cuda --json "$OUT/critic.json" &
measured 2 sweep-plain runs/sweep_guidance.py --model "$OUT/shipped/nano" --judges "$JUDGES" --device cuda --batch 32 --speak 1 1.5 &
measured 3 sweep-speak runs/sweep_guidance.py --model "$OUT/shipped/nano" --judges "$JUDGES" --device cuda --batch 32 --speak 2 3 &
wait
touch "$OUT/done"

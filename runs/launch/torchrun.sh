#!/usr/bin/env bash
# One lesson of a large size on one machine or several, by torchrun: elastic, so a machine that fails is waited for and
# the run goes on from its last checkpoint. Start the same command on every machine; HOST is the first one's address.
#
#   HOST=10.0.0.1 NODES=1:4 GPUS=8 bash runs/launch/torchrun.sh speak --recipe lpm-17b --init wan --latents latents --out out
set -euo pipefail
# A store of its own for every attempt: in a shared one processes that are started again find addresses of the dead.
export TORCH_DISABLE_SHARE_RDZV_TCP_STORE=1
exec torchrun \
  --nnodes "${NODES:-1}" \
  --nproc-per-node "${GPUS:-8}" \
  --rdzv-backend c10d \
  --rdzv-endpoint "${HOST:-localhost}:${PORT:-29400}" \
  --max-restarts "${RESTARTS:-3}" \
  -m openlpm.cli.main train "$@"

#!/usr/bin/env bash
# LPM-Bench whole: cases, certificates, the entries that are published, their scores and the page.
#
#   TIER=smoke DEVICE=cuda OUT=out/lpm runs/lpm_bench.sh
#
# What is there is left alone, so that a run that was stopped goes on. VOICES (a folder of recordings) adds the cases with
# human voices. ENTRIES chooses; the long cases of the smoke tier alone are ten minutes of video an entry.
set -euo pipefail

TIER=${TIER:-smoke}
DEVICE=${DEVICE:-auto}
OUT=${OUT:-out/lpm}
ENTRIES=${ENTRIES:-truth freeze loop lip-flap base online online-without-refiner}

openlpm bench make --tier "$TIER" --out "$OUT/bench" ${VOICES:+--voices "$VOICES"}
openlpm bench certify --bench "$OUT/bench" --tier "$TIER" --device "$DEVICE"

for entry in $ENTRIES; do
  case $entry in
    online-without-refiner) system=(--system online --set refiner_time=none) ;;
    *) system=(--system "$entry") ;;
  esac
  openlpm bench run "${system[@]}" --bench "$OUT/bench" --tier "$TIER" --device "$DEVICE" --out "$OUT/entries/$entry"
  openlpm bench score "$OUT/entries/$entry" --bench "$OUT/bench" --tier "$TIER" --device "$DEVICE" --out "$OUT/results/$entry"
  if [[ -n ${VOICES:-} && $entry =~ ^(base|online|loop|lip-flap) ]]; then
    openlpm bench run "${system[@]}" --bench "$OUT/bench" --tier human --device "$DEVICE" --out "$OUT/entries/$entry"
    openlpm bench score "$OUT/entries/$entry" --bench "$OUT/bench" --tier human --device "$DEVICE" --out "$OUT/human/$entry"
  fi
done

results=()
for entry in $ENTRIES; do results+=("$OUT/results/$entry"); done
openlpm bench report "${results[@]}" --bench "$OUT/bench" --out "$OUT/report/lpm.html"

"""Rows of ``openlpm bench training``: what a training on this machine shows, and what was timed on larger ones."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import torch

from openlpm.bench.result import Bar, Row
from openlpm.bench.statistics import Estimate
from openlpm.core.errors import InputError
from openlpm.recipes.plan import stage_folder
from openlpm.recipes.programme.trial import (
    LESSON,
    Trial,
    checkpoint_of_chance,
    equal_weights,
    furthest,
    losses_of,
    wide_trial,
    write_clips_of_chance,
)
from openlpm.recipes.running import RECIPE_FILE
from openlpm.recipes.stage import BASE_STAGES, ONLINE_STAGES, POST_STAGES, Stage
from openlpm.recipes.stages import autoencoder_recipe

Report = Callable[[str, int, int], None]

_MFU_BAR = Bar(at_least=0.35)
_PLAN_BAR = Bar(at_most=0.15)
_SINGLE_BAR = Bar(at_most=1e-5)
"""Of losses in float32."""
_NARROW_BAR = Bar(at_most=2e-2)
"""Of losses where blocks compute in bfloat16, which has three digits."""
NEEDS_GPUS: Final = {
    "lpm-17b/train/4xH200/mfu": "4 H200: runs/train_17b_step.py, then --steps its step.json",
    "lpm-17b/dmd/4xH200/step_s": "4 H200: runs/train_17b_step.py, then --steps its step.json",
    "plan_error": "a GPU: runs/train_17b_step.py, then --steps its step.json",
    "nano/programme": "GPU-hours: nano on exact truth beside nano on what the pipeline makes, the same start and time",
    "nano/sft/reaction": "GPU-hours: openlpm train sft from the shipped nano, then openlpm bench base",
    "nano/dpo/reaction": "GPU-hours: openlpm train dpo from the shipped nano, then openlpm bench base",
}
"""What cannot be measured on any machine in minutes, and how to."""


@final
@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """Rows, and the curves behind them."""

    rows: list[Row]
    curves: dict[str, object]


def measure_training(folder: Path, steps: Path | None, report: Report, *, stages: bool, compiled: bool) -> Measured:
    """All rows; ``stages``: nano's chain is killed in every stage too (many minutes on a CPU)."""
    agreed = _agreement(folder / "agree", report, compiled=compiled)
    rows = [*agreed.rows, *_killed_lesson(folder / "lesson", report)]
    if stages:
        rows += _killed_chain(folder / "chain", report)
    rows += step_rows(steps) if steps is not None else []
    there = {row.name for row in rows}
    missing = [name for name in NEEDS_GPUS if not any(row == name or row.startswith(f"{name}/") for row in there)]
    rows += [Row.of(name, Estimate.single(float("nan"), n=0)) for name in missing]
    return Measured(rows=rows, curves=agreed.curves)


def _agreement(folder: Path, report: Report, *, compiled: bool) -> Measured:
    """One process beside several: by batches, by columns; eager beside compiled."""
    latents = write_clips_of_chance(folder / "latents")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    count = {0: 2, 1: 1, 2: 2, 3: 2}.get(gpus, 4)
    narrow = [f"scale.narrow={'true' if gpus else 'false'}"]
    bar, place = (_NARROW_BAR, "gpu") if gpus else (_SINGLE_BAR, "cpu")
    # As many windows as the largest number of processes, so that all have the same step.
    common = [*narrow, f"sequences={count}", "steps=12"]
    trials = {"one": wide_trial(latents, settings=common)}
    if count > 1:
        trials[f"data-{count}"] = wide_trial(latents, processes=count, settings=common)
        trials[f"context-{count}"] = wide_trial(latents, processes=count, settings=[*common, f"scale.context={count}"])
    if compiled:
        trials["compiled"] = wide_trial(latents, settings=[*common, "scale.compile=true"])
    curves: dict[str, Any] = {}
    for done, (name, trial) in enumerate(trials.items()):
        report("agreement", done, len(trials))
        trial.run(folder / name)
        curves[name] = losses_of(folder / name / f"run-{LESSON}")
    report("agreement", len(trials), len(trials))
    rows = [
        Row.of(
            f"tiny/{place}/loss_difference/{name}",
            Estimate.single(furthest(curves["one"], losses), n=len(losses)),
            bar=bar,
        )
        for name, losses in curves.items()
        if name != "one"
    ]
    return Measured(rows=rows, curves={f"loss by step, {name}": losses for name, losses in curves.items()})


def _killed_lesson(folder: Path, report: Report) -> list[Row]:
    """A lesson of a large size killed at three moments, and one that goes on with another number of processes."""
    latents = write_clips_of_chance(folder / "latents")
    lone, steps, kills = wide_trial(latents), 6, 0
    report("kills", 0, 3)
    lone.run(folder / "whole")
    run = folder / "killed" / f"run-{LESSON}"
    for seed in range(3):
        kills += lone.killed_at(checkpoint_of_chance(run, steps, seed), folder / "killed")
    lone.run(folder / "killed")
    same = equal_weights(folder / "whole" / LESSON / "dit", folder / "killed" / LESSON / "dit")
    report("kills", 1, 3)
    other = folder / "other"
    lone.killed_at(other / f"run-{LESSON}" / "step-00000003" / "progress.json", other)
    report("kills", 2, 3)
    wide_trial(latents, processes=2).run(other)
    apart = furthest(losses_of(folder / "whole" / f"run-{LESSON}"), losses_of(other / f"run-{LESSON}"))
    report("kills", 3, 3)
    return [
        Row.of(f"tiny/killed/{LESSON}/bit_exact", Estimate.single(float(same), n=kills), bar=Bar(at_least=1.0)),
        Row.of("tiny/killed/other_number/loss_difference", Estimate.single(apart, n=steps), bar=_SINGLE_BAR),
    ]


def _killed_chain(folder: Path, report: Report) -> list[Row]:
    """Nano's stages at tiny size: each is killed once at a step of chance, and the chain goes on."""
    names = (*BASE_STAGES, *POST_STAGES, *ONLINE_STAGES)
    chain = Trial(words=("all", *POST_STAGES, "--tiny", "--set", "ode.teacher.steps=2"))
    report("every stage", 0, len(names) + 2)
    chain.run(folder / "whole")
    killed, steps = folder / "killed", autoencoder_recipe(1.0, small=True).trainer.steps
    kills: dict[Stage, int] = {}
    for done, stage in enumerate(names):
        report("every stage", done + 1, len(names) + 2)
        kills[stage] = int(chain.killed_at(_moment(_run_of(killed, stage), stage, steps, done), killed))
    chain.run(killed)
    report("every stage", len(names) + 2, len(names) + 2)
    rows: list[Row] = []
    for stage in names:
        parts = {Stage.VAE: ("vae",), Stage.JUDGES: ("critic", "critic-mouth")}.get(stage, ("dit",))
        parts = ("refiner",) if stage is Stage.REFINE else parts
        root = Path() if stage in BASE_STAGES else stage_folder(Path(), stage)
        same = all(equal_weights(folder / "whole" / root / part, killed / root / part) for part in parts)
        # Who was not killed shows nothing.
        found = float(same) if kills[stage] else float("nan")
        row = Row.of(f"toy/killed/{stage}/bit_exact", Estimate.single(found, n=kills[stage]), bar=Bar(at_least=1.0))
        rows.append(row)
    return rows


def _moment(run: Path, stage: Stage, steps: int, seed: int) -> Path:
    """A checkpoint of chance; judges at tiny size make none before their end, so they die where they begin."""
    return run / RECIPE_FILE if stage is Stage.JUDGES else checkpoint_of_chance(run, steps, seed)


def _run_of(out: Path, stage: Stage) -> Path:
    """Where a stage keeps its checkpoints while it runs."""
    if stage in BASE_STAGES:
        return out / {Stage.VAE: "run-vae", Stage.JUDGES: "run-critic", Stage.BASE: "run-base-all"}[stage]
    folder = stage_folder(out, stage)
    return folder.with_name(f"draft-{stage}") / f"run-{stage}"


def step_rows(path: Path) -> list[Row]:
    """What ``runs/train_17b_step.py`` has timed.

    Raises:
        InputError: the file is not one of its.
    """
    try:
        whole = json.loads(path.read_text())
        parts = [each for each in whole["parts"] if "step_s" in each]
        place = f"{whole['gpus']}x{whole['device'].split()[0]}"
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"{path} holds no timed steps: give the step.json of runs/train_17b_step.py") from error
    rows: list[Row] = []
    for each in parts:
        size = whole["model"] if each["layers"] == each["of_layers"] else f"{whole['model']}-{each['layers']}-layers"
        name = f"{size}/{each['part']}/{place}"
        barred = each["part"] != "dmd" and each["layers"] == each["of_layers"]
        count = len(each["step_s"])
        middle = sorted(each["step_s"])[count // 2]
        rows += [
            Row.of(f"{name}/mfu", Estimate.single(each["mfu"], n=count), bar=_MFU_BAR if barred else None),
            Row.of(f"{name}/step_s", Estimate.single(middle, n=count), unit="s"),
            Row.of(f"{name}/tokens_per_s", Estimate.single(each["tokens_per_s"], n=count)),
            Row.of(f"{name}/memory", Estimate.single(each["memory_gib"], n=count), unit="GiB"),
            Row.of(f"plan_error/{name}", Estimate.single(each["plan_error"], n=count), bar=_PLAN_BAR),
        ]
    return rows

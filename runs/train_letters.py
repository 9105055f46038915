"""Train the network that finds letters in what stands still (``filters.logo``).

    python runs/train_letters.py --pool POOL.npy --minutes 7

Backgrounds are drawn people of train identities (POOL is drawn if it is not there), clutter, and the photographs of
--photos, in which there must be nothing to read. The weights of the package learnt from fourteen that lie in wheels
of other packages: camera, cell, chelsea, coffee, brick, grass, gravel, hubble, ihc and moon of scikit-image 0.24, china
and flower of scikit-learn 1.5 (CC BY 2.0, danielbuechele and vultilion on Flickr), ascent and face of scipy 1.9.

Letters are of the fonts in --fonts (DejaVu and Liberation here), none of which is the font of the planted logos, and
spell nothing: what is learned is letters, not the bench's names. The seed is fixed; how many steps fit into the minutes
is the machine's matter and is printed. Weights go to the package as int8 rows.
"""

import argparse
import string
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from torch.nn import functional

from openlpm.core.seeds import Split, generator, seeds_of
from openlpm.data.filters.letters_network import CELL, ROWS, WEIGHTS, Letters, evened
from openlpm.synth.act.perform import perform
from openlpm.synth.look.identity import Identity
from openlpm.synth.look.render import Cast
from openlpm.synth.sound.speech_bank import build
from openlpm.weights.store import Storage, save

_BATCH, _RATE = 16, 2e-3
_CUT_ROWS, _CUT_COLUMNS = 96, 128
_SIDE = 256
_PEOPLE = 240
_SIGNS = string.ascii_uppercase + string.ascii_lowercase + string.digits


def draw_pool(path: Path) -> None:
    """What stands still of people of the train split: the median of three moments."""
    bank, pictures = build(Split.TRAIN, 8, seed=11), []
    for seed in seeds_of(Split.TRAIN)[1000 : 1000 + _PEOPLE]:
        record = perform(seed, seed, bank, num_frames=48)
        assert record.truth is not None
        rig_TR = torch.from_numpy(record.truth.rig_FR[[4, 24, 44]])
        shown = Cast([Identity.from_seed(seed)]).render(rig_TR[None])[0].mul(255).round().byte()
        pictures.append(np.median(shown.permute(0, 2, 3, 1).numpy()[..., ::-1], axis=0).astype(np.uint8))
    np.save(path, np.stack(pictures))


def clutter(rng: np.random.Generator) -> NDArray[np.uint8]:
    """A gradient with shapes that are no letters, or a texture, strong or faint."""
    small = rng.uniform(0, 255, (int(rng.integers(1, 6)), int(rng.integers(1, 6)), 3)).astype(np.float32)
    how = int(rng.choice([cv2.INTER_LINEAR, cv2.INTER_NEAREST]))
    picture = np.ascontiguousarray(cv2.resize(small, (_SIDE, _SIDE), interpolation=how).clip(0, 255).astype(np.uint8))
    kind = rng.random()
    if kind < 0.3:
        add_shapes(rng, picture, int(rng.integers(0, 40)))
        return picture
    texture_HWC = leaves(rng) if kind < 0.7 else grain(rng)
    share = float(rng.choice([1.0, rng.uniform(0.03, 1.0)]))
    return cv2.addWeighted(texture_HWC, share, picture, 1 - share, 0).astype(np.uint8)


def leaves(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Things that hide each other, many small and few large: what foliage, gravel, rooms and crowds have in common.

    After the dead leaves model (Lee, Mumford and Huang, "Occlusion models for natural images", 2001).
    """
    palette = rng.uniform(0, 255, (int(rng.integers(2, 7)), 3))
    picture = np.full((_SIDE, _SIDE, 3), palette[0], np.uint8)
    least, count, lying = rng.uniform(1.2, 4.0), int(rng.integers(200, 900)), rng.random() < 0.3
    jitter, grey = rng.uniform(0, 40), rng.random() < 0.3
    for _ in range(count):
        size = min(60.0, least * float(rng.random() + 1e-3) ** -0.5)
        colour = palette[int(rng.integers(len(palette)))] + rng.normal(0, jitter, 1 if grey else 3)
        colour = tuple(float(each) for each in np.broadcast_to(colour.clip(0, 255), 3))
        middle = rng.uniform(0, _SIDE, 2)
        sides, turn = size * rng.uniform(0.3, 1.5, 2), 0.0 if lying else float(rng.uniform(0, 180))
        if rng.random() < 0.5:
            cv2.ellipse(picture, (middle.tolist(), (2 * sides).tolist(), turn), colour, -1)
        else:
            corners = cv2.boxPoints((middle.tolist(), (2 * sides).tolist(), turn)).astype(np.int32)
            cv2.fillPoly(picture, [corners], colour)
    return cv2.cvtColor(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY), cv2.COLOR_GRAY2BGR) if grey else picture


def grain(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Noise of several sizes, often drawn out to one side: cloth, wood, hair, bricks, the blocks of a coder."""
    across, along = (float(each) for each in np.exp(rng.uniform(0.3, 3.0, 2)))
    picture = np.zeros((_SIDE, _SIDE, 3), np.float32)
    for octave in range(int(rng.integers(1, 4))):
        rows, columns = (max(2, round(_SIDE / (each * 2**octave))) for each in (across, along))
        colours = 1 if rng.random() < 0.6 else 3
        noise = rng.normal(0, 40, (rows, columns, colours)).astype(np.float32) * np.ones(3, np.float32)
        how = int(rng.choice([cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC]))
        picture += cv2.resize(noise, (_SIDE, _SIDE), interpolation=how)
    if rng.random() < 0.3:  # mortar
        rows, columns = int(rng.integers(4, 16)), int(rng.integers(6, 30))
        for number, y in enumerate(range(0, _SIDE, rows)):
            picture[y] -= 60
            picture[y : y + rows, (number % 2) * columns // 2 :: columns] -= 60
    return (picture + rng.uniform(60, 200)).clip(0, 255).astype(np.uint8)


def add_shapes(rng: np.random.Generator, picture_HWC: NDArray[np.uint8], count: int) -> None:
    """Shapes about as large as letters, single and in rows."""
    for _ in range(count):
        x, y = (int(each) for each in rng.integers(0, _SIDE, 2))
        colour = tuple(int(each) for each in rng.integers(0, 256, 3))
        wide, tall, thick = int(rng.integers(2, 24)), int(rng.integers(3, 30)), int(rng.integers(1, 5))
        match int(rng.integers(9)):
            case 0:
                cv2.ellipse(picture_HWC, (x, y), (wide, tall), float(rng.uniform(0, 180)), 0, 360, colour, -1)
            case 1:
                cv2.circle(picture_HWC, (x, y), tall, colour, thick)
            case 2:
                cv2.rectangle(picture_HWC, (x, y), (x + 2 * wide, y + 2 * tall), colour, -1 if thick > 2 else thick)
            case 3:
                end = (x + int(rng.integers(-60, 60)), y + int(rng.integers(-60, 60)))
                cv2.line(picture_HWC, (x, y), end, colour, thick, cv2.LINE_AA)
            case 4 | 5 | 6:  # books, fences, blinds
                step = int(rng.integers(3, 14))
                foot, ragged, even = y + tall, int(rng.integers(1, 9)), rng.random() < 0.4
                for _ in range(int(rng.integers(2, 12))):
                    other = colour if even else tuple(int(each) for each in rng.integers(0, 256, 3))
                    thin = step if even else int(rng.integers(2, step + 1))
                    cv2.rectangle(picture_HWC, (x, y - int(rng.integers(0, ragged))), (x + thin - 1, foot), other, -1)
                    x += thin + (int(rng.integers(1, 7)) if even else int(rng.integers(0, 4)))
            case 7:  # seams, zips, dashed lines
                along_2, gap, length = rng.normal(0, 1, 2), float(rng.uniform(2, 9)), float(rng.uniform(1, 8))
                along_2 /= max(float(np.hypot(*along_2)), 1e-3)
                for number in range(int(rng.integers(4, 30))):
                    begin_2 = np.array([x, y]) + along_2 * number * (gap + length)
                    ends = [tuple(int(each) for each in end_2) for end_2 in (begin_2, begin_2 + along_2 * length)]
                    cv2.line(picture_HWC, ends[0], ends[1], colour, thick, cv2.LINE_AA)
            case _:
                corners = (np.array([x, y]) + rng.integers(-16, 16, (int(rng.integers(3, 6)), 2))).astype(np.int32)
                cv2.fillPoly(picture_HWC, [corners], colour, cv2.LINE_AA)


def add_word(
    rng: np.random.Generator, picture_HWC: NDArray[np.uint8], fonts: list[Path]
) -> tuple[NDArray[np.uint8], tuple[int, int, int, int] | None]:
    """A word somewhere, bare, outlined or on a plate, and its box; no box if nobody could read it."""
    tall = max(9, round(_SIDE * rng.uniform(0.05, 0.125)))
    font = ImageFont.truetype(str(fonts[int(rng.integers(len(fonts)))]), tall)
    letters = [
        str(rng.choice(list(_SIGNS)))
        for _ in range(int(rng.choice([2, 3, 4, 5, 6, 8], p=[0.3, 0.2, 0.2, 0.15, 0.1, 0.05])))
    ]
    case = rng.random()
    word = "".join(letters)
    word = word.upper() if case < 0.45 else word.lower() if case < 0.7 else word.capitalize() if case < 0.9 else word
    if len(word) > 2 and rng.random() < 0.12:
        word = f"{word[:2]} {word[2:]}"
    left, top, right, bottom = font.getbbox(word)
    wide, high = right - left, bottom - top
    if wide >= _SIDE - 12 or high < 4:
        return picture_HWC, None
    x, y = int(rng.integers(4, _SIDE - wide - 4)), int(rng.integers(4, _SIDE - high - 4))
    layer = Image.new("RGBA", (_SIDE, _SIDE))
    draw = ImageDraw.Draw(layer)
    white = rng.random()
    colour = (
        (255, 255, 255)
        if white < 0.45
        else (10, 10, 10)
        if white < 0.6
        else tuple(int(e) for e in rng.integers(0, 256, 3))
    )
    pad = int(rng.integers(1, 7))
    if rng.random() < 0.35:
        plate = tuple(int(each) for each in rng.integers(0, 256, 3))
        draw.rectangle((x - pad, y - pad, x + wide + pad, y + high + pad), fill=(*plate, 255))
    outline = 1 if rng.random() < 0.12 else 0
    draw.text(
        (x - left, y - top), word, font=font, fill=(*colour, 255), stroke_width=outline, stroke_fill=(0, 0, 0, 255)
    )
    layer_HWC = np.asarray(layer)
    share_HW1 = layer_HWC[..., 3:].astype(np.float32) / 255 * np.float32(rng.uniform(0.5, 1.0))
    made_HWC = np.rint(picture_HWC * (1 - share_HW1) + layer_HWC[..., 2::-1] * share_HW1).astype(np.uint8)
    inside = (slice(y, y + high), slice(x, x + wide))
    local_HWC, before_HWC = made_HWC[inside].astype(np.float32), picture_HWC[inside].astype(np.float32)
    off_HWC = np.abs(local_HWC - cv2.blur(local_HWC, (9, 9)))
    if float(np.percentile(off_HWC.max(axis=-1), 80)) < max(2.5, 0.7 * float(before_HWC.std(axis=(0, 1)).max())):
        return picture_HWC, None
    return made_HWC, (x, y, x + wide, y + high)


def cut_of(rng: np.random.Generator, photo_HWC: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A square of a photograph, near or far, in other colours or none."""
    rows, columns = photo_HWC.shape[:2]
    side = int(min(rows, columns) * rng.uniform(0.25, 1.0))
    y, x = int(rng.integers(0, rows - side + 1)), int(rng.integers(0, columns - side + 1))
    square_HWC = cv2.resize(photo_HWC[y : y + side, x : x + side], (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    if rng.random() < 0.5:
        square_HWC = np.rot90(square_HWC, int(rng.integers(1, 4)))
    gain, lift = rng.uniform(0.5, 1.5, 3 if rng.random() < 0.5 else 1), rng.uniform(-40, 40)
    return np.ascontiguousarray((square_HWC * gain + lift).clip(0, 255).astype(np.uint8))


def background(
    rng: np.random.Generator, pool_NHWC: NDArray[np.uint8], photos: list[NDArray[np.uint8]]
) -> NDArray[np.uint8]:
    """What letters are put on, or nothing."""
    kind = rng.random()
    if photos and kind < 0.25:
        return cut_of(rng, photos[int(rng.integers(len(photos)))])
    return clutter(rng) if kind < 0.45 else pool_NHWC[int(rng.integers(len(pool_NHWC)))].copy()


def example(
    rng: np.random.Generator, pool_NHWC: NDArray[np.uint8], photos: list[NDArray[np.uint8]], fonts: list[Path]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]:
    """A cut-out as the network sees it, which cells are letters, and which count."""
    picture_HWC = background(rng, pool_NHWC, photos)
    if rng.random() < 0.5:
        picture_HWC = np.ascontiguousarray(picture_HWC[:, ::-1])
    if rng.random() < 0.5:
        add_shapes(rng, picture_HWC, int(rng.integers(1, 9)))
    boxes: list[tuple[int, int, int, int]] = []
    for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.2, 0.4, 0.25, 0.15]))):
        picture_HWC, box = add_word(rng, picture_HWC, fonts)
        boxes += [box] if box is not None else []
    if rng.random() < 0.5:
        picture_HWC = cv2.GaussianBlur(picture_HWC, (0, 0), rng.uniform(0.3, 0.8)).astype(np.uint8)
    noisy_HWC = picture_HWC + rng.normal(0, rng.uniform(0, 1.5), picture_HWC.shape)
    _, coded = cv2.imencode(
        ".jpg", noisy_HWC.clip(0, 255).astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(60, 97))]
    )
    picture_HWC = cv2.imdecode(coded, cv2.IMREAD_COLOR).astype(np.uint8)
    zoom = ROWS / _SIDE
    seen_HWC = evened(cv2.resize(picture_HWC, (ROWS, ROWS), interpolation=cv2.INTER_AREA).astype(np.uint8))
    at_HW = (np.arange(ROWS // CELL) + 0.5) * CELL / zoom
    wanted_HW, counts_HW = np.zeros((2, ROWS // CELL, ROWS // CELL), np.float32)
    counts_HW += 1
    for x, y, right, bottom in boxes:
        near = ((at_HW > y - 6) & (at_HW < bottom + 6))[:, None] & ((at_HW > x - 6) & (at_HW < right + 6))
        counts_HW[near & (wanted_HW == 0)] = 0
    for x, y, right, bottom in boxes:
        on = ((at_HW > y) & (at_HW < bottom))[:, None] & ((at_HW > x) & (at_HW < right))
        wanted_HW[on] = counts_HW[on] = 1
    y, x = (int(rng.integers(0, (ROWS - cut) // CELL + 1)) for cut in (_CUT_ROWS, _CUT_COLUMNS))
    if boxes and rng.random() < 0.8:
        box = boxes[-1]
        y = int(np.clip((box[1] + box[3]) / 2 * zoom - _CUT_ROWS / 2, 0, ROWS - _CUT_ROWS)) // CELL
        x = int(np.clip((box[0] + box[2]) / 2 * zoom - _CUT_COLUMNS / 2, 0, ROWS - _CUT_COLUMNS)) // CELL
    cells = (slice(y, y + _CUT_ROWS // CELL), slice(x, x + _CUT_COLUMNS // CELL))
    cut_HWC = seen_HWC[y * CELL : y * CELL + _CUT_ROWS, x * CELL : x * CELL + _CUT_COLUMNS]
    return cut_HWC.transpose(2, 0, 1), wanted_HW[cells], counts_HW[cells]


def main() -> None:
    """Draw the pool if there is none, train, and write the weights."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pool", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="a folder; without it there are none")
    parser.add_argument("--fonts", type=Path, default=Path("/usr/share/fonts/truetype"))
    parser.add_argument("--minutes", type=float, default=7.0, help="of one core")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(7)
    if not options.pool.is_file():
        draw_pool(options.pool)
    pool_NHWC, fonts = np.load(options.pool), sorted(options.fonts.rglob("*.ttf"))
    files = sorted(options.photos.iterdir()) if options.photos else []
    photos = [np.asarray(Image.open(file).convert("RGB"))[..., ::-1] for file in files]
    network = Letters()
    optimiser = torch.optim.AdamW(network.parameters(), lr=_RATE, weight_decay=1e-3)
    average = torch.optim.swa_utils.AveragedModel(
        network, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.99)
    )
    begun, step, said, losses = time.process_time(), 0, 0.0, []
    while (share := (time.process_time() - begun) / (60 * options.minutes)) < 1:
        for group in optimiser.param_groups:
            group["lr"] = _RATE * min(1.0, (step + 1) / 50, 2.0 * (1 - share) + 1e-3)
        rng = generator("letters", step)
        drawn = [example(rng, pool_NHWC, photos, fonts) for _ in range(_BATCH)]
        x_NCHW, wanted_NHW, counts_NHW = (torch.from_numpy(np.stack(each)) for each in zip(*drawn, strict=True))
        each = functional.binary_cross_entropy_with_logits(network(x_NCHW), wanted_NHW, reduction="none")
        loss = (each * counts_NHW).sum() / counts_NHW.sum()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update_parameters(network)
        losses.append(float(loss.detach()))
        step += 1
        if share - said > 0.1:
            said = share
            print(f"{share:.0%} step {step}: {np.mean(losses[-100:]):.4f}", flush=True)
    files = save(average.module.state_dict(), options.out, storage=Storage.INT8_ROWS)
    print(f"{step} steps, {sum(file.stat().st_size for file in files) / 2**10:.0f} KiB in {options.out}")


if __name__ == "__main__":
    main()

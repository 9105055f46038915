# pyright: basic, reportMissingImports=false, reportUntypedFunctionDecorator=false
# ruff: noqa: ANN001, ANN201, PLR0913, PLR0917 (Triton reads these functions: pointers and strides come one by one)
"""Kernels in Triton, which their callers import when there is a GPU to run them."""

import triton
import triton.language as tl


@triton.jit
def turn(
    x,
    out,
    cos,
    sin,
    x_b,
    x_s,
    x_n,
    out_b,
    out_s,
    out_n,
    angle_b,
    angle_s,
    heads,
    P: tl.constexpr,
    PADDED: tl.constexpr,
    HEADS: tl.constexpr,
):
    """Rotary positions (``nn.rope_kernel``): one token, ``HEADS`` of its heads."""
    token = tl.program_id(0).to(tl.int64)
    row = tl.program_id(1).to(tl.int64)
    head = tl.program_id(2).to(tl.int64) * HEADS + tl.arange(0, HEADS)
    pair = tl.arange(0, PADDED)
    angle = row * angle_b + token * angle_s + pair
    cosine = tl.load(cos + angle, mask=pair < P, other=0.0)[None, :]
    sine = tl.load(sin + angle, mask=pair < P, other=0.0)[None, :]
    channel = tl.arange(0, 2 * PADDED)[None, :]
    inside = (head[:, None] < heads) & (channel < 2 * P)
    given = tl.load(x + row * x_b + token * x_s + head[:, None] * x_n + channel, mask=inside, other=0.0)
    real, imaginary = tl.split(given.to(tl.float32).reshape(HEADS, PADDED, 2))
    turned = tl.interleave(real * cosine - imaginary * sine, real * sine + imaginary * cosine)
    place = out + row * out_b + token * out_s + head[:, None] * out_n + channel
    tl.store(place, turned.to(out.dtype.element_ty), mask=inside)


@triton.jit
def scale(
    x,
    out,
    x_b,
    x_s,
    x_n,
    out_b,
    out_s,
    out_n,
    heads,
    factor,
    largest,
    K: tl.constexpr,
    PADDED: tl.constexpr,
    HEADS: tl.constexpr,
):
    """``x`` times a factor, clamped, in the type of ``out``: one token, ``HEADS`` of its heads."""
    token = tl.program_id(0).to(tl.int64)
    row = tl.program_id(1).to(tl.int64)
    head = tl.program_id(2).to(tl.int64) * HEADS + tl.arange(0, HEADS)
    channel = tl.arange(0, PADDED)[None, :]
    inside = (head[:, None] < heads) & (channel < K)
    given = tl.load(x + row * x_b + token * x_s + head[:, None] * x_n + channel, mask=inside, other=0.0)
    scaled = tl.minimum(tl.maximum(given.to(tl.float32) * factor, -largest), largest)
    place = out + row * out_b + token * out_s + head[:, None] * out_n + channel
    tl.store(place, scaled.to(out.dtype.element_ty), mask=inside)


@triton.jit
def enter(
    query,
    key,
    value,
    cos,
    sin,
    query_out,
    key_out,
    value_out,
    key_narrow,
    value_narrow,
    query_b,
    query_s,
    query_n,
    key_b,
    key_s,
    key_n,
    value_b,
    value_s,
    value_n,
    made_b,
    made_s,
    made_n,
    kept_b,
    kept_s,
    kept_n,
    angle_b,
    angle_s,
    heads,
    factor,
    largest,
    P: tl.constexpr,
    PADDED: tl.constexpr,
    HEADS: tl.constexpr,
    NARROW: tl.constexpr,
):
    """Queries and keys rotated, keys and values put into a memory: one token, ``HEADS`` of its heads."""
    token = tl.program_id(0).to(tl.int64)
    row = tl.program_id(1).to(tl.int64)
    head = tl.program_id(2).to(tl.int64) * HEADS + tl.arange(0, HEADS)
    pair = tl.arange(0, PADDED)
    angle = row * angle_b + token * angle_s + pair
    cosine = tl.load(cos + angle, mask=pair < P, other=0.0)[None, :]
    sine = tl.load(sin + angle, mask=pair < P, other=0.0)[None, :]
    channel = tl.arange(0, 2 * PADDED)[None, :]
    inside = (head[:, None] < heads) & (channel < 2 * P)
    asks = tl.load(query + row * query_b + token * query_s + head[:, None] * query_n + channel, mask=inside, other=0.0)
    real, imaginary = tl.split(asks.to(tl.float32).reshape(HEADS, PADDED, 2))
    asks = tl.interleave(real * cosine - imaginary * sine, real * sine + imaginary * cosine)
    tells = tl.load(key + row * key_b + token * key_s + head[:, None] * key_n + channel, mask=inside, other=0.0)
    real, imaginary = tl.split(tells.to(tl.float32).reshape(HEADS, PADDED, 2))
    tells = tl.interleave(real * cosine - imaginary * sine, real * sine + imaginary * cosine)
    holds = tl.load(value + row * value_b + token * value_s + head[:, None] * value_n + channel, mask=inside, other=0.0)
    kept = row * kept_b + token * kept_s + head[:, None] * kept_n + channel
    tl.store(key_out + kept, tells.to(key_out.dtype.element_ty), mask=inside)
    tl.store(value_out + kept, holds.to(value_out.dtype.element_ty), mask=inside)
    if NARROW:
        # As if they came from the memory, which rounds them: a later chunk sees the same.
        tells = tells.to(key_out.dtype.element_ty).to(tl.float32) * factor
        held = holds.to(tl.float32) * factor
        tells = tl.minimum(tl.maximum(tells, -largest), largest)
        held = tl.minimum(tl.maximum(held, -largest), largest)
        tl.store(key_narrow + kept, tells.to(key_narrow.dtype.element_ty), mask=inside)
        tl.store(value_narrow + kept, held.to(value_narrow.dtype.element_ty), mask=inside)
        asks = tl.minimum(tl.maximum(asks * factor, -largest), largest)
    made = row * made_b + token * made_s + head[:, None] * made_n + channel
    tl.store(query_out + made, asks.to(query_out.dtype.element_ty), mask=inside)


@triton.jit
def place(
    new,
    kept,
    slots,
    cos,
    sin,
    new_x,
    new_b,
    new_s,
    new_n,
    kept_x,
    kept_b,
    kept_s,
    kept_n,
    slots_b,
    angle_b,
    frame_tokens,
    rows,
    heads,
    P: tl.constexpr,
    TURNED: tl.constexpr,
    PADDED: tl.constexpr,
    HEADS: tl.constexpr,
):
    """A token of a layer to its slot, some of its heads, the first ``TURNED`` pairs of channels turned."""
    token = tl.program_id(0).to(tl.int64)
    layer = (tl.program_id(1) // rows).to(tl.int64)
    row = (tl.program_id(1) % rows).to(tl.int64)
    head = tl.program_id(2).to(tl.int64) * HEADS + tl.arange(0, HEADS)
    frame = token // frame_tokens
    slot = tl.load(slots + row * slots_b + frame)
    pair = tl.arange(0, PADDED)
    channel = tl.arange(0, 2 * PADDED)[None, :]
    inside = (head[:, None] < heads) & (channel < 2 * P)
    source = new + layer * new_x + row * new_b + token * new_s + head[:, None] * new_n + channel
    given = tl.load(source, mask=inside & (slot >= 0), other=0.0)
    if TURNED > 0:
        angle = row * angle_b + pair
        cosine = tl.load(cos + angle, mask=pair < TURNED, other=1.0)[None, :]
        sine = tl.load(sin + angle, mask=pair < TURNED, other=0.0)[None, :]
        real, imaginary = tl.split(given.to(tl.float32).reshape(HEADS, PADDED, 2))
        turned = tl.interleave(real * cosine - imaginary * sine, real * sine + imaginary * cosine)
        given = turned.to(kept.dtype.element_ty)
    place = slot * frame_tokens + token % frame_tokens
    target = kept + layer * kept_x + row * kept_b + place * kept_s + head[:, None] * kept_n + channel
    tl.store(target, given, mask=inside & (slot >= 0))


LARGEST = tl.constexpr(448.0)
SMALLEST = tl.constexpr(1e-12)


@triton.jit
def narrow_row(
    x, bias, narrow, scale, x_r, D: tl.constexpr, PADDED: tl.constexpr, BIAS: tl.constexpr, GELU: tl.constexpr
):
    """A row in 8 bits with a scale (``nn.rows``)."""
    row = tl.program_id(0).to(tl.int64)
    channel = tl.arange(0, PADDED)
    inside = channel < D
    wide = tl.load(x + row * x_r + channel, mask=inside, other=0.0).to(tl.float32)
    if BIAS:
        wide += tl.load(bias + channel, mask=inside, other=0.0).to(tl.float32)
        wide = wide.to(x.dtype.element_ty).to(tl.float32)
    if GELU:
        wide = wide * tl.sigmoid(1.5957691216057308 * (wide + 0.044715 * wide * wide * wide))
        wide = wide.to(x.dtype.element_ty).to(tl.float32)
    most = tl.maximum(tl.max(tl.abs(wide), axis=0) / LARGEST, SMALLEST)
    short = tl.minimum(tl.maximum(wide / most, -LARGEST), LARGEST)
    tl.store(narrow + row * D + channel, short.to(narrow.dtype.element_ty), mask=inside)
    tl.store(scale + row, most)


@triton.jit
def root_norm(
    joined,
    bias,
    weight,
    made,
    rows,
    eps,
    D: tl.constexpr,
    COUNT: tl.constexpr,
    NORMED: tl.constexpr,
    PADDED: tl.constexpr,
):
    """One projection of a row: its bias added, and divided by its root mean square if it is one of the first."""
    row = tl.program_id(0).to(tl.int64)
    which = tl.program_id(1).to(tl.int64)
    channel = tl.arange(0, PADDED)
    inside = channel < D
    wide = tl.load(joined + row * (COUNT * D) + which * D + channel, mask=inside, other=0.0).to(tl.float32)
    wide += tl.load(bias + which * D + channel, mask=inside, other=0.0).to(tl.float32)
    wide = wide.to(joined.dtype.element_ty).to(tl.float32)
    if which < NORMED:
        factor = tl.rsqrt(tl.sum(wide * wide, axis=0) / D + eps)
        wide = wide * factor * tl.load(weight + which * D + channel, mask=inside, other=0.0).to(tl.float32)
    tl.store(made + (which * rows + row) * D + channel, wide.to(made.dtype.element_ty), mask=inside)


@triton.jit
def settle(
    x,
    first,
    first_bias,
    gate,
    second,
    second_bias,
    norm_scale,
    norm_shift,
    made,
    narrow,
    scale,
    tokens,
    group_tokens,
    gate_b,
    gate_g,
    norm_b,
    norm_g,
    eps,
    D: tl.constexpr,
    PADDED: tl.constexpr,
    UPDATES: tl.constexpr,
    GATED: tl.constexpr,
    NORM: tl.constexpr,
):
    """A row with its updates added, and the norm of that in 8 bits; ``NORM``: 0 none, 1 of the layer, 2 of the time."""
    number = tl.program_id(0)
    row = number.to(tl.int64)
    batch = number // tokens
    group = (number % tokens) // group_tokens
    channel = tl.arange(0, PADDED)
    inside = channel < D
    wide = tl.load(x + row * D + channel, mask=inside, other=0.0).to(tl.float32)
    if UPDATES > 0:
        update = tl.load(first + row * D + channel, mask=inside, other=0.0).to(tl.float32)
        update += tl.load(first_bias + channel, mask=inside, other=0.0).to(tl.float32)
        update = update.to(x.dtype.element_ty).to(tl.float32)
        if GATED:
            update *= tl.load(gate + batch * gate_b + group * gate_g + channel, mask=inside, other=0.0)
        wide += update
        if UPDATES > 1:
            other = tl.load(second + row * D + channel, mask=inside, other=0.0).to(tl.float32)
            other += tl.load(second_bias + channel, mask=inside, other=0.0).to(tl.float32)
            wide += other.to(x.dtype.element_ty).to(tl.float32)
        wide = wide.to(x.dtype.element_ty).to(tl.float32)
        tl.store(made + row * D + channel, wide.to(made.dtype.element_ty), mask=inside)
    if NORM > 0:
        mean = tl.sum(wide, axis=0) / D
        apart = tl.where(inside, wide - mean, 0.0)
        normed = apart * tl.rsqrt(tl.sum(apart * apart, axis=0) / D + eps)
        place = channel
        if NORM == 2:
            place = batch * norm_b + group * norm_g + channel
        factor = tl.load(norm_scale + place, mask=inside, other=0.0).to(tl.float32)
        if NORM == 2:
            factor += 1.0
        normed = normed * factor + tl.load(norm_shift + place, mask=inside, other=0.0).to(tl.float32)
        normed = normed.to(x.dtype.element_ty).to(tl.float32)
        most = tl.maximum(tl.max(tl.abs(normed), axis=0) / LARGEST, SMALLEST)
        short = tl.minimum(tl.maximum(normed / most, -LARGEST), LARGEST)
        tl.store(narrow + row * D + channel, short.to(narrow.dtype.element_ty), mask=inside)
        tl.store(scale + row, most)

"""The process that decodes one picture which a stranger sent: bytes come in, RGB goes out, and it can do little else.

Run by ``uploads`` as ``python -m openlpm.serving.decoding SIDE MOST_PIXELS``. Nothing is known about the bytes but
their number; a decoder that is led astray meets the limits set here, not the server.
"""

import io
import resource
import sys

_MEMORY_BYTES = 1 << 30
_CPU_S = 8
_FILES = 32
EXIT_REFUSED = 3
"""The picture cannot be used; one sentence is on standard output."""


def main() -> int:
    """Decode standard input, crop it, write ``SIDE * SIDE * 3`` bytes."""
    from openlpm.core.errors import InputError
    from openlpm.media.picture import decode_picture, square

    side, most_pixels = int(sys.argv[1]), int(sys.argv[2])
    limit(resource.RLIMIT_AS, _MEMORY_BYTES)
    limit(resource.RLIMIT_CPU, _CPU_S)
    limit(resource.RLIMIT_NOFILE, _FILES)
    limit(resource.RLIMIT_FSIZE, 0)
    limit(resource.RLIMIT_CORE, 0)
    data = sys.stdin.buffer.read()
    try:
        image_HWC = square(decode_picture(io.BytesIO(data), "the picture", most_pixels=most_pixels), side)
    except InputError as refusal:
        sys.stdout.write(str(refusal))
        return EXIT_REFUSED
    sys.stdout.buffer.write(image_HWC.tobytes())
    return 0


def limit(which: int, most: int) -> None:
    """Lower a limit of this process for good."""
    _, hard = resource.getrlimit(which)
    most = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(which, (most, most))


if __name__ == "__main__":
    sys.exit(main())

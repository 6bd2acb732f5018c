"""Bodies compressed with zstd (RFC 8878), and opened again within bounds, whatever their sender says of them."""

from __future__ import annotations

import sys
from types import ModuleType

from runebook.core.errors import InvalidParameterValue, TooLarge

ENCODING = "zstd"
"""What `Content-Encoding` calls it."""

_LEVEL = 1
_PIECE_BYTES = 1024 * 1024
_WINDOW_LOG = 26
"""A body may make its reader keep so much of what was read at hand: 64 MiB, the largest body that there is."""


def compress(body: bytes) -> bytes:
    """One frame that tells its length, quickly rather than small."""
    packed: bytes = _zstd().compress(body, _LEVEL)
    return packed


def decompressed_bytes(packed: bytes, limit_bytes: int) -> int:
    """How long a body says that it will be; the limit when it does not say, or says more."""
    try:
        size = _zstd().get_frame_info(packed).decompressed_size
    except _zstd().ZstdError:
        return 0  # it cannot be opened either
    return limit_bytes if size is None else min(int(size), limit_bytes)


def decompress(packed: bytes, limit_bytes: int) -> bytes:
    """The body of one zstd frame.

    Raises:
        TooLarge: it is longer than the limit; no more than that was unpacked.
        InvalidParameterValue: it is no frame, a part of one, or more than one.

    """
    zstd = _zstd()
    opened = zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: _WINDOW_LOG})
    pieces: list[bytes] = []
    size = 0
    try:
        while not opened.eof and (opened.needs_input is False or not pieces):
            pieces.append(opened.decompress(b"" if pieces else packed, _PIECE_BYTES))
            size += len(pieces[-1])
            if size > limit_bytes:
                pieces.clear()  # the error's trace holds this frame, and what is in it, for a while
                raise TooLarge(f"The unpacked request body is larger than {limit_bytes} bytes. Send smaller parts.")
    except zstd.ZstdError as error:
        raise InvalidParameterValue(f"The request body is not valid zstd: {error}") from None
    if not opened.eof or opened.unused_data:
        pieces.clear()
        raise InvalidParameterValue("The request body must be exactly one whole zstd frame.")
    return b"".join(pieces)


def _zstd() -> ModuleType:
    """Imported when first needed, as many programs never do."""
    if sys.version_info >= (3, 14):
        from compression import zstd
    else:
        from backports import zstd
    return zstd  # type: ignore[no-any-return,unused-ignore]  # the two have stubs of different kinds

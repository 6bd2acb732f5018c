"""Figures as files."""

from __future__ import annotations

import io
from pathlib import PurePosixPath
from typing import Any

from runebook.core.errors import InvalidParameterValue

PLOTLY_IMAGES = {".png", ".jpeg", ".webp", ".svg", ".pdf"}


def figure_bytes(figure: Any, file_name: str, save_kwargs: dict[str, Any]) -> bytes:
    """A figure of Matplotlib or Plotly in the format of the name's extension.

    Raises:
        InvalidParameterValue: the figure is neither, or cannot be saved so.

    """
    extension = PurePosixPath(file_name).suffix.lower()
    if hasattr(figure, "savefig"):
        stream = io.BytesIO()
        figure.savefig(stream, **({"format": extension[1:] or "png"} | save_kwargs))
        return stream.getvalue()
    if not hasattr(figure, "to_html"):
        raise InvalidParameterValue(f"Not a figure of Matplotlib or Plotly: {type(figure).__name__}.")
    if extension == ".html":
        page: str = figure.to_html(**({"include_plotlyjs": "cdn"} | save_kwargs))
        return page.encode()
    if extension in PLOTLY_IMAGES:
        image: bytes = figure.to_image(format=extension[1:], **save_kwargs)
        return image
    raise InvalidParameterValue(f"A Plotly figure is saved as .html or {sorted(PLOTLY_IMAGES)}, got {file_name!r}.")

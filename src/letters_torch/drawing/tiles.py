"""Pictures made of pixels only: letters and weights as images, many of them side by side."""

import base64
import io

import numpy as np
import numpy.typing as npt
from PIL import Image

UInt8 = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.floating]

# Where a weight is positive or negative; the alpha channel says how large, so that 0 is the page's own colour.
POSITIVE, NEGATIVE = (43, 131, 214), (214, 69, 65)
GAP = 2


def signed(values: Floats, scale: float | None = None) -> UInt8:
    """Numbers (..., H, W) as RGBA (..., H, W, 4): blue above 0, red below, clear at 0, the stronger the larger.

    At `scale` the colour has its full strength; by default at a magnitude that one value in 200 exceeds.
    """
    scale = float(np.quantile(np.abs(values), 0.995)) if scale is None else scale
    rgba = np.empty((*values.shape, 4), np.uint8)
    rgba[..., :3] = np.where(values[..., None] >= 0, POSITIVE, NEGATIVE)
    rgba[..., 3] = np.rint(255 * np.clip(np.abs(values) / (scale or 1.0), 0, 1))
    return rgba


def on_white(rgba: UInt8) -> UInt8:
    """RGBA (..., 4) -> RGB (..., 3), as it looks on a white page."""
    alpha = rgba[..., 3:] / 255
    return np.rint(rgba[..., :3] * alpha + 255 * (1 - alpha)).astype(np.uint8)


def grid(images: UInt8, columns: int, fill: int = 0) -> UInt8:
    """Images (N, H, W) or (N, H, W, C) side by side, row by row, a gap of `fill` around each."""
    count, height, width = images.shape[:3]
    rows = -(-count // columns)
    shape = (GAP + rows * (height + GAP), GAP + columns * (width + GAP), *images.shape[3:])
    canvas = np.full(shape, fill, images.dtype)
    for index, image in enumerate(images):
        row, column = divmod(index, columns)
        top, left = GAP + row * (height + GAP), GAP + column * (width + GAP)
        canvas[top : top + height, left : left + width] = image
    return canvas


def weights(V: Floats, W: Floats, count: int) -> Floats:
    """The input weights, (count, 28, 28), of the hidden units that weigh most in the predictions, heaviest first.

    V is (hidden, 785), W (26, hidden + 1). Where there are fewer units, there are fewer images.
    """
    heaviest = np.argsort(-np.linalg.norm(W[:, :-1], axis=0), kind="stable")[:count]
    return V[heaviest, :-1].reshape(-1, 28, 28)


def data_uri(image: UInt8) -> str:
    """A PNG in the text of a page: grey (H, W) or RGBA (H, W, 4)."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(file.getvalue()).decode()

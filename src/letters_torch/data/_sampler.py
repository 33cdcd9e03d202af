"""Bilinear sampling of images at positions of their own, compiled by Numba. `affine.py` holds the same in plain torch.

The positions of an image are never in memory for the whole block: a grid of a block of 1000 letters is 6 MB, and to
write and read it took longer than the sampling. An image is first copied into a frame of zeros. A position beyond the
edge is moved to the frame, so no pixel needs a test. Each image is computed by itself, in the same order of operations
in any block.

Operations are not reordered and products are not fused into sums, so the result has the same bits whether the images
are standardised here or before. The loops are vectorised without either.
"""

import numpy as np
from numba import njit


@njit(nogil=True, cache=True, error_model="numpy")
def sample(images, rows, scaling, coefficients, base, fill, masked, out):  # type: ignore[no-untyped-def]
    """Writes image rows[n], sampled at coefficients[n] @ base, to out[n].

    Args:
        images: (M, H, W) uint8, or of out's dtype.
        rows: (N,) int64.
        scaling: None, or the mean and the inverse deviation of each pixel, (2, H, W) of out's dtype.
        coefficients: (N, 2, K) of out's dtype: of x, of y.
        base: (K, H W) of out's dtype; its third row is 1. The products are pixels of the framed image.
        fill: of out's dtype, for what is beyond the edge.
        masked: mixes in the fill as torchvision does it for a fill that is given.
        out: (N, H W), float32 or float64, result.
    """
    real = out.dtype.type
    height, width = images.shape[1:]
    framed = np.zeros((height + 3, width + 3), out.dtype)
    x, y, inside = np.empty(height * width, out.dtype), np.empty(height * width, out.dtype), np.empty(0, out.dtype)
    first = np.empty(height * width, np.uint32)
    if masked:
        inside = np.empty(height * width, out.dtype)
    for n in range(len(rows)):
        _frame(images[rows[n]], scaling, real(0) if masked else fill, framed)
        _positions(coefficients[n, 0], base, real(width + 1), x)
        _positions(coefficients[n, 1], base, real(height + 1), y)
        if masked:
            for i in range(len(inside)):
                inside[i] = min(x[i], real(width + 1) - x[i], real(1)) * min(y[i], real(height + 1) - y[i], real(1))
        _split(x, y, np.int32(width + 3), first)
        _interpolate(framed.reshape(-1), np.uint64(width + 3), first, x, y, out[n])
        if masked:
            for i in range(len(inside)):
                out[n, i] = out[n, i] * inside[i] + (real(1) - inside[i]) * fill
        else:
            for i in range(len(x)):
                out[n, i] += fill


@njit(cache=True, error_model="numpy")
def _frame(image, scaling, fill, framed):  # type: ignore[no-untyped-def]
    """Copies the image into the frame, less the fill, so that the frame's zeros are the fill."""
    real = framed.dtype.type
    height, width = image.shape
    for i in range(height):
        for j in range(width):
            pixel = real(image[i, j])
            if scaling is not None:
                pixel = (pixel - scaling[0, i, j]) * scaling[1, i, j]
            framed[i + 1, j + 1] = pixel - fill


@njit(cache=True, error_model="numpy")
def _positions(c, base, last, position):  # type: ignore[no-untyped-def]
    """c @ base, moved into 0..last: NaN to 0, so that nothing outside the frame is read whatever the coefficients."""
    zero = position.dtype.type(0)
    for i in range(len(position)):
        position[i] = c[0] * base[0, i] + c[1] * base[1, i] + c[2]
    for k in range(3, len(c)):
        for i in range(len(position)):
            position[i] += c[k] * base[k, i]
    for i in range(len(position)):
        p = position[i] if position[i] > zero else zero
        position[i] = p if p < last else last


@njit(cache=True, error_model="numpy")
def _split(x, y, stride, first):  # type: ignore[no-untyped-def]
    """Leaves the index of the upper left of four pixels in `first`, and the distances from it in x and y."""
    real = x.dtype.type
    for i in range(len(x)):
        column, row = np.int32(x[i]), np.int32(y[i])
        x[i] -= real(column)
        y[i] -= real(row)
        first[i] = np.uint32(row * stride + column)


@njit(cache=True, error_model="numpy")
def _interpolate(pixels, stride, first, x, y, out):  # type: ignore[no-untyped-def]
    one = np.uint64(1)
    for i in range(len(out)):
        j = np.uint64(first[i])  # unsigned: a signed index could be negative and count from the end
        a, b, c, d = pixels[j], pixels[j + one], pixels[j + stride], pixels[j + stride + one]
        upper, lower = a + x[i] * (b - a), c + x[i] * (d - c)
        out[i] = upper + y[i] * (lower - upper)

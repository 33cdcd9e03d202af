"use strict";
/* From a picture of any size to a letter of 28 x 28, as data/readers/pictures.py does it: the paper becomes black and
   the ink white, what is written is cut out, fitted and centred, and thin strokes are thickened. */
const picture = (() => {
  const SIDE = 28, LONGER_SIDE = 23, QUARTER = 0.25, FINE = 4, THIN = 1.8, PEN = 2.6, BLUR = 0.3, FAINTEST = 16, SPECK = 0.02;
  const f = Math.fround, { median, largest, smallest, components } = filters;

  /** RGBA bytes of a canvas or an image -> {image, height, width} in grey; no side much longer than 1,000 pixels. */
  function grey(rgba, height, width) {
    const paper = lightInk(rgba) ? 0 : 255, bytes = new Uint8Array(height * width);
    for (let i = 0; i < bytes.length; i++) bytes[i] = luma(rgba, 4 * i, paper);
    const shrink = Math.floor(Math.max(height, width) / 500);
    const small = shrink > 1 ? resample.reduce(bytes, height, width, shrink) : { image: bytes, height, width };
    return { ...small, image: new Float32Array(small.image) };
  }

  /** The grey of a pixel on a paper, by ITU-R 601-2 as Pillow rounds it. */
  function luma(rgba, at, paper) {
    const alpha = rgba[at + 3], on = (value) => Math.round((value * alpha + paper * (255 - alpha)) / 255);
    return (on(rgba[at]) * 19595 + on(rgba[at + 1]) * 38470 + on(rgba[at + 2]) * 7471 + 0x8000) >> 16;
  }

  /** Whether what is drawn on a transparent picture is light, so that it belongs on black. */
  function lightInk(rgba) {
    let drawn = 0, covered = 0, opaque = true;
    for (let i = 0; i < rgba.length; i += 4) {
      const grey = (rgba[i] * 19595 + rgba[i + 1] * 38470 + rgba[i + 2] * 7471 + 0x8000) >> 16;
      drawn += grey * rgba[i + 3];
      covered += rgba[i + 3];
      opaque = opaque && rgba[i + 3] === 255;
    }
    return !opaque && drawn / Math.max(1, covered) > 127;
  }

  /** A grey picture on even paper, {image, height, width} of 0..255 -> uint8 letter of 28 x 28; null if it is blank. */
  function normalise({ image: grey, height, width }) {
    const border = edge(grey, height, width), paper = median(border);
    const ink = inkOf(grey, border, paper);
    if (!ink) return null;
    if (height === SIDE && width === SIDE && paper < FAINTEST) return Uint8Array.from(grey, moments.rint);
    const fine = soften(fitted(ink, height, width, FINE * SIDE, FINE * (LONGER_SIDE - 1)), FINE * SIDE);
    const letter = fitted(fine, FINE * SIDE, FINE * SIDE, SIDE, LONGER_SIDE), most = largest(letter);
    return Uint8Array.from(letter, (value) => moments.rint(f(255 * Math.min(Math.max(f(value / most), 0), 1))));
  }

  function edge(grey, height, width) {
    const column = (x) => Array.from({ length: height }, (_, y) => grey[y * width + x]);
    return [...grey.slice(0, width), ...grey.slice((height - 1) * width), ...column(0), ...column(width - 1)];
  }

  /** How far each pixel is from the paper towards the ink, 0..1; the paper's grain is 0. Null if nothing is seen. */
  function inkOf(grey, border, paper) {
    const lightest = largest(grey), darkest = smallest(grey);
    const sign = lightest - paper > paper - darkest ? 1 : -1;
    const ink = grey.map((value) => sign * (value - paper));
    const grain = 4 * median(border.map((value) => Math.abs(f(value - paper)))), range = largest(ink) - grain;
    if (range < FAINTEST) return null;
    return ink.map((value) => Math.min(Math.max(f(f(value - f(grain)) / f(range)), 0), 1));
  }

  /** The ink scaled to `longer` pixels on its longer side, and centred in side x side. */
  function fitted(ink, height, width, side, longer) {
    const { top, bottom, left, right } = box(ink, height, width);
    const window = (Math.max(bottom - top, right - left) * side) / longer, margin = Math.trunc(window) + 1;
    const x = (left + right) / 2 + margin, y = (top + bottom) / 2 + margin, half = window / 2;
    return resample.resize(ink, height, width, margin, [x - half, y - half, x + half, y + half], side);
  }

  /** The box of the strokes; specks are no strokes. */
  function box(ink, height, width) {
    const parts = components(ink, height, width, f(QUARTER * largest(ink)));
    const least = SPECK * largest(parts.map((part) => part.length));
    let top = height, bottom = 0, left = width, right = 0;
    for (const part of parts) {
      if (part.length < least) continue;
      for (const at of part) {
        const x = at % width, y = (at - x) / width;
        top = Math.min(top, y);
        bottom = Math.max(bottom, y + 1);
        left = Math.min(left, x);
        right = Math.max(right, x + 1);
      }
    }
    return { top, bottom, left, right };
  }

  /** The letter on the fine grid, its strokes thickened if they are thin, and blurred as a small picture is. */
  function soften(fine, side) {
    const level = f(QUARTER * largest(fine)), ink = fine.filter((value) => value > level).sort(), typical = median(ink);
    const missing = FINE * PEN - stroke(fine.map((value) => value / typical), side), isThin = missing > FINE * (PEN - THIN);
    const full = isThin ? typical : ink[Math.floor((ink.length * 9) / 10)];
    const bytes = Uint8Array.from(fine, (value) => moments.rint(f(255 * Math.min(Math.max(f(value / full), 0), 1))));
    const image = isThin ? resample.maximum(bytes, side, moments.rint(missing / 2)) : bytes;
    return new Float32Array(resample.gaussian(image, side, FINE * BLUR));
  }

  /** The width of the strokes: a line's area is its length times its width, its outline twice its length. */
  function stroke(image, side) {
    const at = (x, y) => x >= 0 && y >= 0 && x < side && y < side && image[y * side + x] > 0.5;
    let area = 0, outline = 0;
    for (let y = 0; y <= side; y++) {
      for (let x = 0; x <= side; x++) {
        area += at(x, y);
        outline += (at(x, y) !== at(x - 1, y)) + (at(x, y) !== at(x, y - 1));
      }
    }
    return (2 * area) / Math.max(1, (outline * Math.PI) / 4);
  }

  return { grey, normalise };
})();

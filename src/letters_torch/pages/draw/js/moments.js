"use strict";
/* Moment normalisation of a 28 x 28 letter (uint8, light on black), as data/moments.py does it: the ink gets the same
   centre and spread, and part of its slant and shape is taken out. The map is computed in double precision; positions
   and pixels are in single precision, as torch's grid_sample computes them. */
const moments = (() => {
  const SIDE = 28, THINNEST = 0.5, STEEPEST = 1, ZOOM = [0.5, 2];
  const f = Math.fround;
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);

  /** Mass, centre and second moments of the ink; positions are pixels from the middle. */
  function measure(image) {
    let mass = 0, x1 = 0, y1 = 0, xx = 0, yy = 0, xy = 0;
    for (let i = 0; i < SIDE * SIDE; i++) {
      const ink = image[i], x = (i % SIDE) - (SIDE - 1) / 2, y = Math.floor(i / SIDE) - (SIDE - 1) / 2;
      mass += ink;
      x1 += ink * x;
      y1 += ink * y;
      xx += ink * x * x;
      yy += ink * y * y;
      xy += ink * x * y;
    }
    const n = Math.max(mass, 1), mx = x1 / n, my = y1 / n;
    return { mass, mx, my, vx: xx / n - mx * mx, vy: yy / n - my * my, vxy: xy / n - mx * my };
  }

  /** From new positions to old ones, in units of half a side: [[zx, k zy, mx], [0, zy, my]], flat. */
  function map(image, { spread, slant, aspect }) {
    const m = measure(image);
    if (m.mass === 0) return [1, 0, 0, 0, 1, 0];
    const k = clip((slant * m.vxy) / Math.max(m.vy, THINNEST ** 2), -STEEPEST, STEEPEST);
    const sx = Math.sqrt(Math.max(m.vx - 2 * k * m.vxy + k * k * m.vy, THINNEST ** 2));
    const sy = Math.sqrt(Math.max(m.vy, THINNEST ** 2));
    const size = Math.sqrt(sx * sy);
    const [zx, zy] = [sx, sy].map((s) => clip((size / spread) * (s / size) ** aspect, ...ZOOM));
    return [zx, k * zy, m.mx / (SIDE / 2), 0, zy, m.my / (SIDE / 2)];
  }

  /** The letter brought to the moments, uint8; as it is where `settings` is null. */
  function place(image, settings) {
    if (!settings) return image;
    const [a, b, c, d, e, g] = map(image, settings).map(f), result = new Uint8Array(SIDE * SIDE);
    for (let i = 0; i < SIDE * SIDE; i++) {
      const x = f(f((2 * (i % SIDE) + 1) / SIDE) - 1), y = f(f((2 * Math.floor(i / SIDE) + 1) / SIDE) - 1);
      const column = f(f(f(f(f(a * x) + f(b * y)) + c) + 1) * (SIDE / 2)) - 0.5;
      const row = f(f(f(f(f(d * x) + f(e * y)) + g) + 1) * (SIDE / 2)) - 0.5;
      result[i] = clip(rint(bilinear(image, f(column), f(row))), 0, 255);
    }
    return result;
  }

  /** The image between its pixels; black beyond its edge. */
  function bilinear(image, column, row) {
    const left = Math.floor(column), top = Math.floor(row);
    const east = f(column - left), south = f(row - top), west = f(1 - east), north = f(1 - south);
    const upper = f(f(pixel(image, left, top) * f(west * north)) + f(pixel(image, left + 1, top) * f(east * north)));
    const lower = f(pixel(image, left, top + 1) * f(west * south));
    return f(f(upper + lower) + f(pixel(image, left + 1, top + 1) * f(east * south)));
  }

  const pixel = (image, x, y) => (x < 0 || y < 0 || x >= SIDE || y >= SIDE ? 0 : image[y * SIDE + x]);

  /** The nearest whole number; halves go to the even one, as in NumPy and torch. */
  function rint(value) {
    const down = Math.floor(value), rest = value - down;
    return rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  }

  return { place, rint };
})();

"use strict";
/* Pillow's filters, to the bit: bicubic resizing of float images, box and Gaussian blur and maximum of byte images.
   Images are flat arrays, row by row. */
const resample = (() => {
  /** Pillow's bicubic kernel (Keys, a = -1/2). */
  function bicubic(x) {
    x = Math.abs(x);
    if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
    return x < 2 ? ((x - 5) * x + 8) * x * -0.5 + 2 : 0;
  }

  /** For each of `out` pixels along an axis: where its kernel begins and its normalised weights. */
  function kernels(size, from, to, out) {
    const scale = Math.fround(to - from) / out, filter = Math.max(scale, 1), support = 2 * filter;
    return Array.from({ length: out }, (_, i) => {
      const center = from + (i + 0.5) * scale;
      const begin = Math.max(Math.trunc(center - support + 0.5), 0);
      const end = Math.min(Math.trunc(center + support + 0.5), size);
      const weights = Array.from({ length: Math.max(end - begin, 0) }, (_, n) => bicubic((n + begin - center + 0.5) / filter));
      const sum = weights.reduce((total, weight) => total + weight, 0);
      return { begin, weights: sum ? weights.map((weight) => weight / sum) : weights };
    });
  }

  /** A square box of a float image, resized to side x side.

      The image (height x width) lies in a black margin, which is not stored; the box [left, top, right, bottom] is in
      single precision, in pixels of the image with its margin. */
  function resize(image, height, width, margin, box, side) {
    const [left, top, right, bottom] = box.map(Math.fround);
    const across = kernels(width + 2 * margin, left, right, side);
    const down = kernels(height + 2 * margin, top, bottom, side);
    const narrow = new Float32Array(height * side), result = new Float32Array(side * side);
    for (let x = 0; x < side; x++) {
      const { begin, weights } = across[x];
      for (let y = 0; y < height; y++) narrow[y * side + x] = along(image, y * width, 1, width, begin - margin, weights);
    }
    for (let y = 0; y < side; y++) {
      const { begin, weights } = down[y];
      for (let x = 0; x < side; x++) result[y * side + x] = along(narrow, x, side, height, begin - margin, weights);
    }
    return result;
  }

  /** The weighted sum along a line of `count` values; beyond its ends there is 0. */
  function along(image, start, stride, count, begin, weights) {
    let sum = 0;
    const last = Math.min(weights.length, count - begin);
    for (let n = Math.max(0, -begin); n < last; n++) sum += image[start + (begin + n) * stride] * weights[n];
    return sum;
  }

  /** Applies `work` to every row and then to every column of a square byte image: it gets a line that goes on beyond
      its ends by `reach` pixels, each like the last one, and puts what it makes of it where the line began. */
  function separably(image, side, reach, work) {
    const result = image.slice(), line = new Float64Array(side + 2 * reach);
    for (const [step, stride] of [[side, 1], [1, side]]) {
      for (let start = 0, n = 0; n < side; n++, start += step) {
        for (let i = 0; i < line.length; i++) {
          line[i] = result[start + Math.min(Math.max(i - reach, 0), side - 1) * stride];
        }
        work(line);
        for (let i = 0; i < side; i++) result[start + i * stride] = line[i];
      }
    }
    return result;
  }

  /** The largest of the (2 radius + 1)^2 pixels around each. */
  function maximum(image, side, radius) {
    return separably(image, side, radius, (line) => {
      for (let i = 0; i < side; i++) {
        for (let n = i + 1; n <= i + 2 * radius; n++) if (line[n] > line[i]) line[i] = line[n];
      }
    });
  }

  /** Three box blurs along each axis, whose fractional radius makes them the Gaussian's (Gwosdek et al., 2011). */
  function gaussian(image, side, sigma) {
    const radius = boxRadius(Math.fround(sigma), 3), whole = Math.trunc(radius), reach = whole + 1;
    const inner = Math.trunc(Math.fround(2 ** 24 / Math.fround(radius * 2 + 1)));
    const outer = Math.trunc((2 ** 24 - (2 * whole + 1) * inner) / 2), next = new Float64Array(side);
    return separably(image, side, reach, (line) => {
      for (let pass = 0; pass < 3; pass++) {
        box(line, next, whole, inner, outer);
        line.fill(next[0], 0, reach).fill(next[side - 1], side + reach).set(next, reach);
      }
      line.copyWithin(0, reach);
    });
  }

  function boxRadius(sigma, passes) {
    const f = Math.fround, variance = f(f(sigma * sigma) / passes);
    const length = f(Math.sqrt(12 * variance + 1)), l = f(Math.floor((length - 1) / 2));
    const a = f(f((2 * l + 1) * f(l * (l + 1) - f(3 * variance))) / f(6 * f(variance - f((l + 1) * (l + 1)))));
    return f(l + a);
  }

  /** A box blur in fixed point: 2 whole + 1 pixels of weight `inner`, one on either side of them of `outer`. */
  function box(line, result, whole, inner, outer) {
    for (let i = 0; i < result.length; i++) {
      let sum = 0;
      for (let n = i + 1; n <= i + 2 * whole + 1; n++) sum += line[n];
      const ends = line[i] + line[i + 2 * whole + 2];
      result[i] = Math.floor((sum * inner + ends * outer + 2 ** 23) / 2 ** 24);
    }
  }

  /** Pillow's Image.reduce: the mean of each factor x factor pixels of a byte image, in fixed point. */
  function reduce(image, height, width, factor) {
    const rows = Math.ceil(height / factor), columns = Math.ceil(width / factor);
    const result = new Uint8Array(rows * columns);
    for (let y = 0; y < rows; y++) {
      for (let x = 0; x < columns; x++) {
        const bottom = Math.min((y + 1) * factor, height), right = Math.min((x + 1) * factor, width);
        const count = (bottom - y * factor) * (right - x * factor);
        let sum = Math.floor(count / 2);
        for (let v = y * factor; v < bottom; v++) for (let u = x * factor; u < right; u++) sum += image[v * width + u];
        const reciprocal = Math.trunc(Math.fround(2 ** 24 / count));
        result[y * columns + x] = Math.floor((sum * reciprocal) / 2 ** 24);
      }
    }
    return { image: result, height: rows, width: columns };
  }

  return { resize, maximum, gaussian, reduce };
})();

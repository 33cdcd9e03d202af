"use strict";
/* SciPy's and NumPy's operations on float images, as far as the cleaning of photographs needs them. Images are
   Float32Arrays, row by row; sums are in double precision and results in single precision, as theirs are. */
const filters = (() => {
  const f = Math.fround;

  /** numpy.median of single precision. */
  function median(values) {
    const sorted = Float32Array.from(values).sort(), middle = sorted.length >> 1;
    return sorted.length % 2 ? sorted[middle] : f(f(sorted[middle - 1] + sorted[middle]) / 2);
  }

  /** numpy.percentile, for each of several shares (0..1). */
  function quantiles(values, shares) {
    const sorted = Float32Array.from(values).sort(), last = sorted.length - 1;
    return shares.map((share) => {
      const at = Math.floor(share * last), next = Math.min(at + 1, last);
      return sorted[at] + (sorted[next] - sorted[at]) * (share * last - at);
    });
  }

  function largest(values) {
    let most = -Infinity;
    for (let i = 0; i < values.length; i++) if (values[i] > most) most = values[i];
    return most;
  }

  function smallest(values) {
    let least = Infinity;
    for (let i = 0; i < values.length; i++) if (values[i] < least) least = values[i];
    return least;
  }

  /** Lines of an image: `work(line, out)` for every column (axis 0) or row (axis 1); `out` may have another length. */
  function along(axis, { image, height, width }, length, work) {
    const [count, size] = axis ? [height, width] : [width, height], line = new Float32Array(size), out = new Float32Array(length);
    const made = axis ? { height, width: length } : { height: length, width }, result = new Float32Array(made.height * made.width);
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < size; i++) line[i] = image[axis ? n * width + i : i * width + n];
      work(line, out);
      for (let i = 0; i < length; i++) result[axis ? n * length + i : i * width + n] = out[i];
    }
    return { image: result, ...made };
  }

  const bothWays = (picture, work) => along(1, along(0, picture, picture.height, work), picture.width, work);

  /** Index beyond the ends of a line: mirrored at the edges, which count twice (SciPy's "reflect"). */
  function mirrored(i, size) {
    const at = ((i % (2 * size)) + 2 * size) % (2 * size);
    return at < size ? at : 2 * size - 1 - at;
  }

  /** gaussian_filter. */
  function gaussian(picture, sigma) {
    const radius = Math.trunc(4 * sigma + 0.5), raw = Array.from({ length: radius + 1 }, (_, n) => Math.exp((-0.5 * n * n) / (sigma * sigma)));
    const sum = raw.reduce((total, weight) => total + 2 * weight, -raw[0]), weights = raw.map((weight) => weight / sum);
    return bothWays(picture, (line, out) => {
      for (let i = 0; i < line.length; i++) {
        let total = line[i] * weights[0];
        for (let n = radius; n > 0; n--) total += (line[mirrored(i - n, line.length)] + line[mirrored(i + n, line.length)]) * weights[n];
        out[i] = total;
      }
    });
  }

  /** uniform_filter with a window of `step`, of which every `step`-th pixel is kept. */
  function thinned(picture, step) {
    const means = (line, out) => {
      for (let i = 0; i < out.length; i++) {
        let total = 0;
        for (let n = 0; n < step; n++) total += line[mirrored(i * step - (step >> 1) + n, line.length)];
        out[i] = total / step;
      }
    };
    const rows = along(0, picture, Math.ceil(picture.height / step), means);
    return along(1, rows, Math.ceil(picture.width / step), means);
  }

  /** median_filter with a square window, edges repeated: the window moves along each row and keeps counts of the ranks
      that are in it (Huang et al., 1979). */
  function medians({ image, height, width }, window) {
    const order = Uint32Array.from(image.keys()).sort((a, b) => image[a] - image[b]), rank = new Uint32Array(image.length);
    order.forEach((place, n) => { rank[place] = n; });
    const reach = window >> 1, half = (window * window) >> 1, result = new Float32Array(image.length);
    const clip = (i, size) => Math.min(Math.max(i, 0), size - 1);
    for (let y = 0; y < height; y++) {
      const counts = new Uint32Array(image.length);
      let middle = 0, below = 0;  // the rank of the median, and how many are of a lower rank
      const count = (x, by) => {
        for (let v = y - reach; v <= y + reach; v++) {
          const n = rank[clip(v, height) * width + clip(x, width)];
          counts[n] += by;
          if (n < middle) below += by;
        }
      };
      for (let x = -reach; x < reach; x++) count(x, 1);
      for (let x = 0; x < width; x++) {
        count(x + reach, 1);
        while (below > half) below -= counts[--middle];
        while (below + counts[middle] <= half) below += counts[middle++];
        result[y * width + x] = image[order[middle]];
        count(x - reach, -1);
      }
    }
    return result;
  }

  /** grey_closing with a square window, on the picture continued as numpy.pad's odd reflection does it. */
  function closing(picture, window) {
    const { height, width } = picture;
    const continued = (line, out) => {
      const last = line.length - 1, rise = 2 * (line[last] - line[0]);
      for (let i = 0; i < out.length; i++) {
        const turn = 2 * last || 1, turns = Math.floor((i - window) / turn), at = i - window - turns * turn;
        out[i] = turns * rise + (at <= last ? line[at] : 2 * line[last] - line[turn - at]);
      }
    };
    const wide = along(1, along(0, picture, height + 2 * window, continued), width + 2 * window, continued);
    const dilated = bothWays(wide, (line, out) => running(line, out, window, 1));
    const closed = bothWays(dilated, (line, out) => running(line, out, window, -1)), result = new Float32Array(height * width);
    for (let y = 0; y < height; y++) {
      const begin = (y + window) * wide.width + window;
      result.set(closed.image.subarray(begin, begin + width), y * width);
    }
    return result;
  }

  /** The largest (sign 1) or smallest (sign -1) value of a centred window at every place of a line, by running extremes
      of blocks, forwards and backwards (van Herk, 1992). Wrong near the ends, which `closing` cuts away. */
  function running(line, out, window, sign) {
    const size = line.length, reach = window >> 1, forth = new Float32Array(size), back = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const value = sign * line[i];
      forth[i] = i % window && forth[i - 1] > value ? forth[i - 1] : value;
    }
    for (let i = size - 1; i >= 0; i--) {
      const value = sign * line[i];
      back[i] = (i + 1) % window && back[i + 1] > value ? back[i + 1] : value;
    }
    for (let i = 0; i < size; i++) {
      out[i] = sign * Math.max(back[Math.max(i - reach, 0)], forth[Math.min(i + reach, size - 1)]);
    }
  }

  /** The connected parts of the pixels above a level, diagonal neighbours included: each an array of their places. */
  function components(image, height, width, level) {
    const seen = new Uint8Array(image.length), parts = [];
    for (let start = 0; start < image.length; start++) {
      if (seen[start] || !(image[start] > level)) continue;
      const part = [start];
      seen[start] = 1;
      for (let n = 0; n < part.length; n++) {
        const x = part[n] % width, y = (part[n] - x) / width;
        for (let v = Math.max(y - 1, 0); v <= Math.min(y + 1, height - 1); v++) {
          for (let u = Math.max(x - 1, 0); u <= Math.min(x + 1, width - 1); u++) {
            const near = v * width + u;
            if (seen[near] || !(image[near] > level)) continue;
            seen[near] = 1;
            part.push(near);
          }
        }
      }
      parts.push(part);
    }
    return parts;
  }

  return { median, quantiles, largest, smallest, gaussian, thinned, medians, closing, components };
})();

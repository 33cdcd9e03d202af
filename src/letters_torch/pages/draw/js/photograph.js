"use strict";
/* Cleans photographs of paper, as data/readers/paper.py does it: what shadows darken is divided by the brightness of the
   paper, and printed lines are found and removed. */
const photograph = (() => {
  const WINDOW = 0.2, EVEN = 12, REACHES = 0.8, FAINTEST = 0.06, THICKEST = 12, FEW = 0.1, BROAD = 3, WEAK = 0.25, STRONG = 0.5;
  const TILTS = Array.from({ length: 41 }, (_, n) => Math.tan(((n / 4 - 5) * Math.PI) / 180));
  const f = Math.fround, { median, quantiles, largest, smallest, components } = filters;
  const clip = (value, low, high) => Math.min(Math.max(value, low), high);

  /** A grey picture {image, height, width} of 0..255 -> the same picture if its paper is even and not ruled; otherwise
      its ink, dark on white. */
  function clean(picture) {
    const { image, height, width } = picture;
    if (Math.min(height, width) < 32 || image.every((value) => value === image[0])) return picture;
    const { ink, light } = flattened(isLightInk(picture) ? { ...picture, image: image.map((value) => 255 - value) } : picture);
    const across = { image: ink, height, width }, lines = [...ruling(across), ...ruling(turned(across))];
    const [dark, bright] = quantiles(light, [0.02, 0.98]);
    if (!lines.length && bright - dark <= EVEN && !hasFaintMarks(across)) return picture;
    const cleaned = lines.reduce((left, line) => without(left, line), across);
    return { image: onWhite(cleaned), height, width };
  }

  /** Whether the ink is lighter than the paper. */
  function isLightInk(picture) {
    const longer = Math.max(picture.height, picture.width), small = filters.thinned(picture, Math.max(1, Math.floor(longer / 80)));
    const typical = filters.medians(small, 1 + 2 * Math.floor(Math.max(small.height, small.width) / 6));
    return small.image.reduce((sum, value, i) => sum + f(value - typical[i]) ** 3, 0) > 0;
  }

  /** {ink, light}: 0 on paper to 1 for black, and the brightness of the paper. */
  function flattened(picture) {
    const smooth = filters.gaussian(picture, 1), longer = Math.max(picture.height, picture.width);
    const light = filters.closing(smooth, 1 + 2 * moments.rint((WINDOW * longer) / 2));
    return { ink: light.map((value, i) => clip(f(1 - f(smooth.image[i] / Math.max(value, 1))), 0, 1)), light };
  }

  /** Columns as rows. */
  function turned({ image, height, width, isTurned = false }) {
    return {
      image: image.map((_, i) => image[(i % height) * width + Math.floor(i / height)]),
      height: width, width: height, isTurned: !isTurned,
    };
  }

  /** The ink that the grain of paper reaches rarely. */
  function noise(ink) {
    const middle = median(ink);
    return middle + 5 * 1.48 * median(ink.map((value) => Math.abs(value - middle))) + 0.01;
  }

  /** The darkness of the pen. */
  function penOf(ink) {
    const half = f(quantiles(ink, [0.999])[0] / 2);
    return median(ink.filter((value) => value >= half));
  }

  /** How far a tilted row is down at each column. */
  const drops = (tilt, width) => Array.from({ length: width }, (_, x) => moments.rint(tilt * (x - width / 2)));

  /** The printed lines along the rows: {tilt, start, stop, isTurned}, in rows that are tilted as they are. */
  function ruling({ image, height, width, isTurned = false }) {
    const floor = noise(image), level = f(floor), margin = Math.max(4, Math.floor(width / 10));
    if (!(largest(image) > level)) return [];
    const tilt = tiltOf(image, width, floor), down = drops(tilt, width);
    const isInside = (y, x) => y + down[x] >= 0 && y + down[x] < height;
    const inkAt = (y, x) => (y >= 0 && y < height && isInside(y, x) ? image[(y + down[x]) * width + x] : 0);
    const inked = new Uint8Array(height * width);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) inked[y * width + x] = Math.max(inkAt(y - 1, x), inkAt(y, x), inkAt(y + 1, x)) > level;
    }
    const around = (y, x) => inked[((y + 6) % height) * width + x] && inked[((y - 6 + height) % height) * width + x];

    /** Whether enough of a tilted row fulfils a condition: of all of it, and of its ends, as far as they are inside. */
    function isCovered(y, holds) {
      return [[0, width], [0, margin], [width - margin, width]].every(([from, to], part) => {
        let valid = 0, count = 0;
        for (let x = from; x < to; x++) {
          if (!isInside(y, x)) continue;
          valid++;
          count += holds(y, x) ? 1 : 0;
        }
        return part === 0 ? valid >= 0.4 * width && count / Math.max(valid, 1) >= REACHES : !valid || count / valid >= REACHES;
      });
    }

    const lines = [];
    for (let y = 0, start = -1; y <= height; y++) {
      const isLine = y < height && isCovered(y, (v, x) => inked[v * width + x]) && !isCovered(y, around);
      if (isLine && start < 0) start = y;
      if (isLine || start < 0) continue;
      if (y - start <= THICKEST) lines.push({ tilt, start, stop: y, isTurned });
      start = -1;
    }
    return lines;
  }

  /** The tilt at which sums of ink along tilted rows differ most from row to row. */
  function tiltOf(image, width, floor) {
    const places = [], level = f(floor), most = f(4 * floor);
    image.forEach((value, i) => value > level && places.push(i));
    const sharpness = TILTS.map((tilt) => {
      const rows = places.map((i) => moments.rint(Math.floor(i / width) - tilt * ((i % width) - width / 2)));
      const first = smallest(rows), sums = new Float64Array(largest(rows) - first + 1);
      places.forEach((i, n) => { sums[rows[n] - first] += Math.min(image[i], most); });
      return sums.reduce((total, sum, n) => (n ? total + (sum - sums[n - 1]) ** 2 : 0), 0);
    });
    return TILTS[sharpness.indexOf(largest(sharpness))];
  }

  /** The ink without a printed line: only what is darker than it, or part of a stroke across it, remains. */
  function without(picture, { tilt, start, stop, isTurned }) {
    const { image, height, width } = isTurned ? turned(picture) : picture, result = image.slice(), down = drops(tilt, width);
    const pen = penOf(image), at = (y, x) => clip(y, 0, height - 1) * width + x, row = (y, x) => clip(y + down[x], 0, height - 1);
    const first = Math.max(start - 1, 0), last = Math.min(stop + 1, height) - 1, columns = Array.from(down.keys());
    const isDark = (y, x, sign) => [1, 2, 3].every((n) => image[at(row(y, x) + sign * n, x)] > f(STRONG * pen));
    const isCrossed = columns.map((x) => isDark(first, x, -1) && isDark(last, x, 1));
    for (let y = first; y <= last; y++) {
      const level = median(columns.map((x) => image[at(row(y, x), x)]));
      const darker = f(level + f(0.5 * Math.max(f(pen - level), 0)));
      for (const x of columns) if (!(image[at(row(y, x), x)] > darker) && !isCrossed[x]) result[at(row(y, x), x)] = 0;
    }
    return isTurned ? turned({ image: result, height, width, isTurned }) : { image: result, height, width };
  }

  /** Whether there are marks that the pen did not make, such as the writing on the back of the sheet. */
  function hasFaintMarks({ image, height, width }) {
    const stroke = f(WEAK * penOf(image)), floor = f(Math.max(noise(image), FAINTEST));
    const isFaint = (x, y) => image[y * width + x] > floor && !(image[y * width + x] > stroke);
    let broad = 0;  // faint pixels amid faint ones: the soft edge of a stroke is narrower
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        let all = isFaint(x, y);
        for (let v = Math.max(y - BROAD, 0); all && v <= Math.min(y + BROAD, height - 1); v++) {
          for (let u = Math.max(x - BROAD, 0); all && u <= Math.min(x + BROAD, width - 1); u++) all = isFaint(u, v);
        }
        broad += all ? 1 : 0;
      }
    }
    return broad > FEW * image.filter((value) => value > stroke).length;
  }

  /** The strokes, dark on white; what no stroke of the pen's darkness belongs to is left out. */
  function onWhite({ image, height, width }) {
    const floor = noise(image), pen = penOf(image), result = image.slice().fill(255);
    if (pen - floor < FAINTEST) return result;
    const parts = components(image, height, width, f(Math.max(floor, WEAK * pen))), most = largest(parts.map(({ length }) => length));
    const isEdge = (i) => i < width || i >= image.length - width || i % width === 0 || i % width === width - 1;
    for (const part of parts) {
      const isWritten = part.some((i) => image[i] >= f(STRONG * pen));
      if (!isWritten || (part.length < most / 2 && part.some(isEdge))) continue;
      for (const i of part) reveal(i);
    }
    return result;

    /** A pixel of a stroke, and those near it with the edges that blur made. */
    function reveal(i) {
      const x = i % width, y = (i - x) / width;
      for (let v = Math.max(y - 2, 0); v <= Math.min(y + 2, height - 1); v++) {
        for (let u = Math.max(x - 2, 0); u <= Math.min(x + 2, width - 1); u++) {
          const share = f(f(image[v * width + u] - f(floor)) / f(pen - floor));
          result[v * width + u] = f(255 * f(1 - clip(share, 0, 1)));
        }
      }
    }
  }

  return { clean };
})();

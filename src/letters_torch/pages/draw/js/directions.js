"use strict";
/* Direction features of a 28 x 28 letter (uint8), as data/directions.py computes them: four maps of its edges, one for
   each direction, in the quarters of an image. Computed in double precision, rounded to whole grey levels. */
const directions = (() => {
  const SIDE = 28, HALF = SIDE / 2, SLOPE = [-1, -2, 0, 2, 1], AVERAGE = [1, 4, 6, 4, 1], SMOOTHING = [1 / 8, 3 / 8, 3 / 8, 1 / 8], LARGEST = 255;

  /** The components of the gradient at each pixel along four directions: across, down, the falling and the rising diagonal. */
  function decompose(image) {
    const at = (row, column) => (row < 0 || column < 0 || row >= SIDE || column >= SIDE ? 0 : image[row * SIDE + column]);
    const maps = Array.from({ length: 4 }, () => new Float64Array(SIDE * SIDE));
    for (let k = 0; k < SIDE * SIDE; k++) {
      const i = Math.floor(k / SIDE), j = k % SIDE;
      let horizontal = 0, vertical = 0; // by Sobel's operator
      for (let a = 0; a < 5; a++) {
        for (let b = 0; b < 5; b++) {
          const grey = at(i + a - 2, j + b - 2);
          horizontal += (AVERAGE[a] * SLOPE[b] * grey) / 48;
          vertical += (SLOPE[a] * AVERAGE[b] * grey) / 48;
        }
      }
      const x = Math.abs(horizontal), y = Math.abs(vertical), least = Math.min(x, y);
      maps[0][k] = x - least;
      maps[1][k] = y - least;
      maps[horizontal * vertical > 0 ? 2 : 3][k] = Math.SQRT2 * least;
    }
    return maps;
  }

  /** The mean of a map about the corner of four pixels that its smaller form keeps. */
  function smoothed(map, i, j) {
    let sum = 0;
    for (let a = 0; a < 4; a++) {
      const row = 2 * i + a - 1;
      for (let b = 0; row >= 0 && row < SIDE && b < 4; b++) {
        const column = 2 * j + b - 1;
        if (column >= 0 && column < SIDE) sum += SMOOTHING[a] * SMOOTHING[b] * map[row * SIDE + column];
      }
    }
    return sum;
  }

  /** The features, uint8. */
  function of(image) {
    const maps = decompose(image), result = new Uint8Array(SIDE * SIDE);
    for (let i = 0; i < SIDE; i++) {
      for (let j = 0; j < SIDE; j++) {
        const map = maps[2 * Math.floor(i / HALF) + Math.floor(j / HALF)];
        result[i * SIDE + j] = moments.rint(Math.min(Math.sqrt(LARGEST * smoothed(map, i % HALF, j % HALF)), LARGEST));
      }
    }
    return result;
  }

  return { of };
})();

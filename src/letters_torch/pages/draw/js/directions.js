"use strict";
/* Direction features of a 28 x 28 letter (uint8), as data/directions.py computes them: sixteen maps of its edges, one
   for each direction, in the tiles of an image. Computed in double precision, rounded to whole grey levels. */
const directions = (() => {
  const SIDE = 28, DIRECTIONS = 16, TILES = 4, STRIDE = 4, CELLS = SIDE / STRIDE, LARGEST = 255;
  const SLOPE = [-1, -2, 0, 2, 1], AVERAGE = [1, 4, 6, 4, 1], SMOOTHING = [1, 3, 5, 7, 7, 5, 3, 1].map((weight) => weight / 32);
  const ANGLES = Array.from({ length: DIRECTIONS }, (_, k) => (2 * Math.PI * k) / DIRECTIONS);
  const TURNS = ANGLES.map((angle) => [-Math.sin(angle) / Math.sin(ANGLES[1]), Math.cos(angle) / Math.sin(ANGLES[1])]);

  /** The components of the gradient at each pixel along the directions. */
  function decompose(image) {
    const at = (row, column) => (row < 0 || column < 0 || row >= SIDE || column >= SIDE ? 0 : image[row * SIDE + column]);
    const maps = Array.from({ length: DIRECTIONS }, () => new Float64Array(SIDE * SIDE)), turned = new Float64Array(DIRECTIONS);
    for (let pixel = 0; pixel < SIDE * SIDE; pixel++) {
      const i = Math.floor(pixel / SIDE), j = pixel % SIDE;
      let x = 0, y = 0; // the gradient, by Sobel's operator
      for (let a = 0; a < 5; a++) {
        for (let b = 0; b < 5; b++) {
          const grey = at(i + a - 2, j + b - 2);
          x += (AVERAGE[a] * SLOPE[b] * grey) / 48;
          y += (SLOPE[a] * AVERAGE[b] * grey) / 48;
        }
      }
      if (x === 0 && y === 0) continue;
      for (let k = 0; k < DIRECTIONS; k++) turned[k] = TURNS[k][0] * x + TURNS[k][1] * y;
      for (let k = 0; k < DIRECTIONS; k++) {
        const before = turned[(k + DIRECTIONS - 1) % DIRECTIONS], after = -turned[(k + 1) % DIRECTIONS];
        maps[k][pixel] = Math.max(Math.min(before, after), 0);
      }
    }
    return maps;
  }

  /** The mean of a map over a cell. */
  function smoothed(map, i, j) {
    let sum = 0;
    for (let a = 0; a < SMOOTHING.length; a++) {
      const row = STRIDE * i + a - STRIDE / 2;
      for (let b = 0; row >= 0 && row < SIDE && b < SMOOTHING.length; b++) {
        const column = STRIDE * j + b - STRIDE / 2;
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
        const map = maps[TILES * Math.floor(i / CELLS) + Math.floor(j / CELLS)];
        result[i * SIDE + j] = moments.rint(Math.min(Math.sqrt(LARGEST * smoothed(map, i % CELLS, j % CELLS)), LARGEST));
      }
    }
    return result;
  }

  return { of };
})();

"use strict";
/* From text in the page to arrays: base64, float16, float32, and pixels whose zeros are run-length coded. */
const bytes = (() => {
  const ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  const VALUE = new Uint8Array(128);
  [...ALPHABET].forEach((letter, value) => { VALUE[letter.charCodeAt(0)] = value; });

  /** Base64 with padding -> Uint8Array. */
  function fromBase64(text) {
    const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
    const result = new Uint8Array((text.length / 4) * 3 - padding);
    for (let i = 0, out = 0; i < text.length; i += 4) {
      const word = (VALUE[text.charCodeAt(i)] << 18) | (VALUE[text.charCodeAt(i + 1)] << 12)
        | (VALUE[text.charCodeAt(i + 2)] << 6) | VALUE[text.charCodeAt(i + 3)];
      result[out++] = word >> 16;
      if (out < result.length) result[out++] = (word >> 8) & 255;
      if (out < result.length) result[out++] = word & 255;
    }
    return result;
  }

  /** Little-endian IEEE 754 half precision -> Float64Array. */
  function halves(text) {
    const raw = fromBase64(text);
    return Float64Array.from({ length: raw.length / 2 }, (_, i) => half(raw[2 * i] | (raw[2 * i + 1] << 8)));
  }

  function half(bits) {
    const sign = bits & 0x8000 ? -1 : 1, exponent = (bits >> 10) & 31, fraction = bits & 1023;
    if (exponent === 0) return sign * fraction * 2 ** -24;
    if (exponent === 31) return fraction ? NaN : sign * Infinity;
    return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }

  /** Little-endian single precision -> Float32Array. */
  function floats(text) {
    const raw = fromBase64(text), view = new DataView(raw.buffer);
    return Float32Array.from({ length: raw.length / 4 }, (_, i) => view.getFloat32(4 * i, true));
  }

  /** Pixels: a zero is followed by the length of its run (1..255), every other byte stands for itself. */
  function pixels(text, length) {
    const raw = fromBase64(text), result = new Uint8Array(length);
    for (let i = 0, out = 0; i < raw.length; i++) {
      if (raw[i]) result[out++] = raw[i];
      else out += raw[++i];
    }
    return result;
  }

  return { fromBase64, halves, floats, pixels };
})();

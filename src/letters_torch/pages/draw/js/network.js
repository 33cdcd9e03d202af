"use strict";
/* The network's forward pass, gradients and update, in the notation of docs/derivation.md:

     x  the sample with a constant 1 appended     a = V x      h = tanh(a) with a 1 appended
     b = W h      g = softmax(b)      L = -sum y log g      J = L + lam (||V||^2 + ||W||^2)

   A network is {V, W, hidden, inputs, classes}; V (hidden x inputs + 1) and W (classes x hidden + 1) are flat typed
   arrays, row by row, and their last columns hold the biases. Samples are given without their 1. */
const network = (() => {
  /** The sum of left[i] * right[j], count terms from i and j on. Four partial sums keep the processor busy. */
  function dot(left, i, right, j, count) {
    let s0 = 0, s1 = 0, s2 = 0, s3 = 0, k = 0;
    for (; k + 3 < count; k += 4) {
      s0 += left[i + k] * right[j + k];
      s1 += left[i + k + 1] * right[j + k + 1];
      s2 += left[i + k + 2] * right[j + k + 2];
      s3 += left[i + k + 3] * right[j + k + 3];
    }
    for (; k < count; k++) s0 += left[i + k] * right[j + k];
    return s0 + s1 + (s2 + s3);
  }

  /** exp(b) / sum exp(b); the largest logit is subtracted first, so no exponential overflows. */
  function softmax(b) {
    const top = Math.max(...b), e = Float64Array.from(b, (value) => Math.exp(value - top));
    const sum = e.reduce((total, value) => total + value, 0);
    return e.map((value) => value / sum);
  }

  /** The cross-entropy of logits b and label y, in nats: log sum exp(b) - y.b. */
  function loss(b, y) {
    const top = Math.max(...b);
    let sum = 0, along = 0;
    for (let i = 0; i < b.length; i++) {
      sum += Math.exp(b[i] - top);
      along += y[i] * (b[i] - top);
    }
    return Math.log(sum) - along;
  }

  /** One-hot label of a class, a part of its 1 shared by all classes. */
  function label(index, classes, smoothing = 0) {
    const y = new Float64Array(classes).fill(smoothing / classes);
    y[index] += 1 - smoothing;
    return y;
  }

  /** All values of one forward pass: {a, h, b, g}; h includes its last 1. */
  function forward(net, x) {
    const { V, W, hidden, inputs, classes } = net;
    const a = new Float64Array(hidden), h = new Float64Array(hidden + 1), b = new Float64Array(classes);
    for (let j = 0, row = 0; j < hidden; j++, row += inputs + 1) {
      a[j] = dot(V, row, x, 0, inputs) + V[row + inputs];
      h[j] = Math.tanh(a[j]);
    }
    h[hidden] = 1;
    for (let i = 0; i < classes; i++) b[i] = dot(W, i * (hidden + 1), h, 0, hidden + 1);
    return { a, h, b, g: softmax(b) };
  }

  /** From a forward pass back: {dL_db, dL_dh, dL_da}. The last entry of dL_dh belongs to the constant 1. */
  function backward(net, s, y) {
    const { W, hidden } = net;
    const dL_db = s.g.map((value, i) => value - y[i]);
    const dL_dh = new Float64Array(hidden + 1);
    dL_db.forEach((slope, i) => {
      for (let j = 0, at = i * (hidden + 1); j <= hidden; j++) dL_dh[j] += W[at + j] * slope;
    });
    const dL_da = s.a.map((_, j) => dL_dh[j] * (1 - s.h[j] ** 2));
    return { dL_db, dL_dh, dL_da };
  }

  /** What a step descends: L + lam (||V||^2 + ||W||^2). */
  function objective(net, x, y, lam) {
    const squares = dot(net.V, 0, net.V, 0, net.V.length) + dot(net.W, 0, net.W, 0, net.W.length);
    return loss(forward(net, x).b, y) + lam * squares;
  }

  /** One update in place; returns the loss of the sample before it. Both gradients are taken at the old V and W. */
  function step(net, x, y, lr, lam) {
    const s = forward(net, x), { dL_db, dL_da } = backward(net, s, y);
    const keep = 1 - 2 * lr * lam;
    addOuter(net.V, dL_da, x, net.inputs, -lr, keep);
    addOuter(net.W, dL_db, s.h, net.hidden, -lr, keep);
    return loss(s.b, y);
  }

  /** M <- keep M + factor slopes (values, 1)^T, in place. */
  function addOuter(M, slopes, values, count, factor, keep) {
    for (let j = 0, row = 0; j < slopes.length; j++, row += count + 1) {
      const slope = factor * slopes[j];
      for (let k = 0; k < count; k++) M[row + k] = keep * M[row + k] + slope * values[k];
      M[row + count] = keep * M[row + count] + slope;
    }
  }

  /** Freshly drawn weights: V ~ scale N(0, 1/inputs), W ~ scale N(0, 1/hidden), variances in brackets. */
  function fresh(hidden, inputs, classes, scale, random) {
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    const V = Float64Array.from({ length: hidden * (inputs + 1) }, () => (scale * normal()) / Math.sqrt(inputs));
    const W = Float64Array.from({ length: classes * (hidden + 1) }, () => (scale * normal()) / Math.sqrt(hidden));
    return { V, W, hidden, inputs, classes };
  }

  /** A random generator of numbers in [0, 1) (mulberry32): the same seed, the same numbers. */
  function generator(seed) {
    let state = seed >>> 0;
    return () => {
      state = (state + 0x6d2b79f5) >>> 0;
      let t = Math.imul(state ^ (state >>> 15), state | 1);
      t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
      return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
    };
  }

  const copy = (net) => ({ ...net, V: net.V.slice(), W: net.W.slice() });

  return { dot, softmax, loss, label, forward, backward, objective, step, fresh, generator, copy };
})();

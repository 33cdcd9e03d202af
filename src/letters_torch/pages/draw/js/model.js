"use strict";
/* What the page knows: the checkpoint's weights and preprocessing, its letters, and the weights as they are now. */
const model = (() => {
  const SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 26, ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", MOST_UNDO = 12;

  /** From the data that the page carries (see document.py). */
  function create(page) {
    const origin = {
      V: bytes.halves(page.V), W: bytes.halves(page.W), hidden: page.hidden, inputs: PIXELS, classes: CLASSES,
    };
    const mean = bytes.floats(page.mean), invStd = bytes.floats(page.inv_std);
    const count = page.labels.length, pixels = bytes.pixels(page.pixels, count * PIXELS);
    let net = network.copy(origin), history = [];

    const scaling = (k) => ({ mean: mean[Math.min(k, mean.length - 1)], invStd: invStd[Math.min(k, invStd.length - 1)] });

    /** The letter after moments and direction features, and as numbers: {pixels, placed, x}. */
    function see(letter) {
      const moved = moments.place(letter, page.moments), placed = page.directions ? directions.of(moved) : moved;
      const x = Float64Array.from(placed, (grey, k) => {
        const by = scaling(k);
        return Math.fround(Math.fround(grey - by.mean) * by.invStd);
      });
      return { pixels: letter, placed, x };
    }

    const letters = Array.from({ length: count }, (_, i) => letter(pixels.slice(i * PIXELS, (i + 1) * PIXELS), i));

    /** An embedded letter. It is prepared when it is first looked at, so that the page opens at once. */
    function letter(own, i) {
      let seen = null;
      const prepared = () => (seen ??= see(own));
      return {
        pixels: own, label: ALPHABET.indexOf(page.labels[i]), row: page.rows[i],
        get placed() { return prepared().placed; },
        get x() { return prepared().x; },
      };
    }

    const target = (label) => network.label(label, CLASSES, page.smoothing);
    const lossOf = (x, label) => network.loss(network.forward(net, x).b, network.label(label, CLASSES));

    /** Keeps the weights as they are, so that `undo` returns to them. */
    function remember() {
      history = [...history.slice(1 - MOST_UNDO), network.copy(net)];
    }

    return {
      page, letters, origin, see, scaling, target, remember,
      get net() { return net; },
      get canUndo() { return history.length > 0; },
      read: (x) => network.forward(net, x),
      /** One step on a sample; the losses are those of the label itself, in nats: {before, after}. */
      step(x, label, lr) {
        const before = lossOf(x, label);
        network.step(net, x, target(label), lr, page.lam);
        return { before, after: lossOf(x, label) };
      },
      undo() {
        if (history.length) net = history.pop();
      },
      reset() {
        net = network.copy(origin);
        history = [];
      },
      fresh(seed) {
        net = network.fresh(origin.hidden, PIXELS, CLASSES, page.initial_scale, network.generator(seed));
      },
      /** The class of a sample, as the weights as they are or others predict it. */
      predict(x, weights = net) {
        const { g } = network.forward(weights, x);
        return g.indexOf(Math.max(...g));
      },
    };
  }

  return { SIDE, PIXELS, ALPHABET, create };
})();

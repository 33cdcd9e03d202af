"use strict";
/* The reading: 26 bars, the hidden units by activation, and what speaks for and against a letter. */
const reading = (() => {
  const { ALPHABET, SIDE, PIXELS } = model, SHOWN = 6;

  /** Indexes, those with the largest values first. */
  const ranked = (values) => Array.from(values, (_, i) => i).sort((i, j) => values[j] - values[i]);

  function create(app) {
    const bars = Array.from(ALPHABET, (letter, i) => bar(letter, () => app.set({ other: i })));
    dom.find("bars").append(...bars.map((row) => row.button));
    const units = Array.from({ length: app.model.origin.hidden }, (_, j) => unitButton(j));
    dom.find("units").append(...units);
    dom.find("units").addEventListener("keydown", moveAmongUnits);
    const announce = dom.settled((text) => { dom.find("live").textContent = text; }, 700);

    function unitButton(j) {
      const button = dom.element("button", { type: "button", tabIndex: -1, "aria-label": `hidden unit ${j}` });
      button.addEventListener("click", () => app.set({ unit: j }));
      return button;
    }

    function moveAmongUnits(event) {
      const columns = getComputedStyle(dom.find("units")).gridTemplateColumns.split(" ").length;
      const by = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns }[event.key];
      const next = app.state.unit + by;
      if (!by || !units[next]) return;
      event.preventDefault();
      app.set({ unit: next });
      units[next].focus();
    }

    return function render({ sample, unit, other }, pass) {
      dom.find("reading").hidden = !pass;
      dom.find("nothing").hidden = Boolean(pass);
      if (!pass) return announce("The paper is empty.");
      const order = ranked(pass.g), best = order[0];
      showLetter(pass, order, announce);
      bars.forEach((row, i) => row.show(pass.g[i], i === best, i === other));
      dom.grey(dom.find("pixels"), sample.pixels);
      dom.grey(dom.find("placed"), sample.placed);
      showUnits(units, pass, unit);
      showEvidence(app, pass, other ?? best);
      showWhyNot(app, pass, best, other);
      showUnit(app, sample, pass, other ?? best);
      return undefined;
    };
  }

  function bar(letter, choose) {
    const length = dom.element("span", { className: "length" }), share = dom.element("span", { className: "share" });
    const button = dom.element("button", { type: "button", className: "bar" },
      dom.element("b", { textContent: letter }), dom.element("span", { className: "track" }, length), share);
    button.addEventListener("click", choose);
    return {
      button,
      show(g, best, chosen) {
        length.style.width = `${100 * g}%`;
        share.textContent = dom.percent(g);
        button.classList.toggle("best", best);
        button.setAttribute("aria-pressed", String(chosen));
        button.setAttribute("aria-label", `${letter}, ${dom.percent(g)}; compare with the reading`);
      },
    };
  }

  function showLetter({ g }, [best, second], announce) {
    dom.find("letter").textContent = ALPHABET[best];
    dom.find("confidence").textContent = dom.percent(g[best]);
    dom.find("second").textContent = `next: ${ALPHABET[second]}, ${dom.percent(g[second])}`;
    announce(`Read as ${ALPHABET[best]}, ${dom.percent(g[best])}. Next ${ALPHABET[second]}, ${dom.percent(g[second])}.`);
  }

  function showUnits(units, { h }, chosen) {
    units.forEach((button, j) => {
      const strength = Math.round(100 * Math.abs(h[j]));
      button.style.background = `color-mix(in srgb, var(${h[j] >= 0 ? "--blue" : "--red"}) ${strength}%, transparent)`;
      button.title = `unit ${j}: ${dom.number(h[j], 2)}`;
      button.tabIndex = j === chosen ? 0 : -1;
      button.setAttribute("aria-label", `hidden unit ${j}, activation ${dom.number(h[j], 2)}`);
      button.setAttribute("aria-pressed", String(j === chosen));
    });
  }

  /** The parts W[i,j] h[j] of a logit, without the bias. */
  function parts({ net }, { h }, letter, against = null) {
    const { W, hidden } = net, row = letter * (hidden + 1), minus = against === null ? null : against * (hidden + 1);
    return Float64Array.from({ length: hidden }, (_, j) => (W[row + j] - (minus === null ? 0 : W[minus + j])) * h[j]);
  }

  function showEvidence(app, pass, letter) {
    const values = parts(app.model, pass, letter), order = ranked(values);
    dom.find("evidence-letter").textContent = ALPHABET[letter];
    fill(app, "for", order.slice(0, SHOWN), values);
    fill(app, "against", order.slice(-SHOWN).reverse(), values);
  }

  /** Tiles of the units' input weights, each with its part of the sum below. */
  function fill(app, id, units, values) {
    const { V, inputs } = app.model.net;
    dom.find(id).replaceChildren(...units.map((j) => {
      const canvas = dom.element("canvas", { "aria-hidden": "true" });
      dom.signed(canvas, V.subarray(j * (inputs + 1), j * (inputs + 1) + PIXELS), SIDE, SIDE);
      const part = `${values[j] < 0 ? "−" : "+"}${Math.abs(values[j]).toFixed(2)}`;
      const button = dom.element("button", {
        type: "button", className: "tile", "aria-label": `unit ${j}, ${part}; show it`,
      }, canvas, dom.element("span", { textContent: part }));
      button.addEventListener("click", () => app.set({ unit: j }));
      return button;
    }));
  }

  function showWhyNot(app, pass, best, other) {
    const chosen = other !== null && other !== best;
    dom.find("why-not").hidden = !chosen;
    dom.find("why-hint").hidden = chosen;
    if (!chosen) return;
    const [read, letter] = [ALPHABET[best], ALPHABET[other]], values = parts(app.model, pass, best, other);
    const { W, hidden } = app.model.net, bias = W[best * (hidden + 1) + hidden] - W[other * (hidden + 1) + hidden];
    const gap = pass.b[best] - pass.b[other], order = ranked(values);
    dom.find("why-title").textContent = `Why ${read} and not ${letter}?`;
    dom.find("why-text").textContent =
      `The logit of ${read} is ${dom.number(gap, 3)} above that of ${letter}, so ${read} is e^${dom.number(gap, 3)} =`
      + ` ${dom.number(Math.exp(gap), 3)} times as probable. Each unit adds (W[${read},j] − W[${letter},j]) h[j] to this`
      + ` difference; the biases add ${dom.number(bias, 3)}.`;
    dom.find("why-for").textContent = `most for ${read}`;
    dom.find("why-against").textContent = `most for ${letter}`;
    fill(app, "why-tiles-for", order.slice(0, SHOWN), values);
    fill(app, "why-tiles-against", order.slice(-SHOWN).reverse(), values);
  }

  function showUnit(app, sample, pass, letter) {
    const { V, W, inputs, hidden } = app.model.net, j = app.state.unit;
    const weights = V.slice(j * (inputs + 1), j * (inputs + 1) + PIXELS);
    dom.signed(dom.find("unit-weights"), weights, SIDE, SIDE);
    dom.signed(dom.find("unit-terms"), weights.map((value, k) => value * sample.x[k]), SIDE, SIDE);
    const w = W[letter * (hidden + 1) + j], [a, h] = [pass.a[j], pass.h[j]].map((value) => dom.number(value, 3));
    dom.find("unit-title").textContent = `Hidden unit ${j}`;
    dom.find("unit-text").textContent =
      `The weighted pixels and the bias sum to a = ${a}; h = tanh(a) = ${h}. Its weight for ${ALPHABET[letter]} is`
      + ` ${dom.number(w, 3)}, so it adds ${dom.number(w * pass.h[j], 3)} to the logit of ${ALPHABET[letter]},`
      + ` which is ${dom.number(pass.b[letter], 3)} in all.`;
  }

  return { create, ranked };
})();

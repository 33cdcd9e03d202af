"use strict";
/* One step by hand: the numbers of the letter at hand in every formula. Hidden unit j, pixel k and letter t are followed
   all the way; o is the strongest other letter. */
const hand = (() => {
  const { ALPHABET, SIDE, PIXELS } = model, TERMS = 3;
  const n = (value) => dom.number(value, 6);
  const mark = (text) => dom.element("mark", { textContent: text });

  function create(app) {
    for (const [id, name, last] of [["hand-j", "unit", app.model.origin.hidden - 1], ["hand-k", "pixel", PIXELS - 1]]) {
      dom.find(id).max = last;
      dom.find(id).addEventListener("change", (event) => {
        const number = Math.min(Math.max(Math.trunc(event.target.value) || 0, 0), last);
        event.target.value = number;
        app.set({ [name]: number });
      });
    }
    dom.find("hand-t").append(...Array.from(ALPHABET, (letter, i) => dom.element("option", { value: i, textContent: letter })));
    dom.find("hand-t").addEventListener("change", (event) => app.set({ label: Number(event.target.value) }));
    for (const id of ["hand-file", "hand-placed", "hand-x"]) {
      dom.find(id).addEventListener("click", (event) => {
        const box = event.target.getBoundingClientRect(), at = (position, side) => Math.min(Math.floor((SIDE * position) / side), SIDE - 1);
        app.set({ pixel: SIDE * at(event.clientY - box.top, box.height) + at(event.clientX - box.left, box.width) });
      });
    }
    return dom.settled((state, pass) => render(app, state, pass), 120);
  }

  function render(app, { sample, label, unit: j, pixel: k, lr }, pass) {
    const empty = !sample || !pass; // the state may be newer than the pass: this comes after a delay
    dom.find("hand-body").hidden = empty;
    dom.find("hand-empty").hidden = !empty;
    if (empty) return;
    const t = label ?? reading.ranked(pass.g)[0], { net, page } = app.model, y = app.model.target(t);
    const v = walk.take(net, sample.x, y, lr, page.lam), o = reading.ranked(v.g).find((i) => i !== t);
    const s = { app, net, page, sample, v, x: [...sample.x, 1], y, j, k, t, o, T: ALPHABET[t], O: ALPHABET[o], lr, lam: page.lam };
    for (const [id, number] of [["hand-j", j], ["hand-k", k]]) {
      if (document.activeElement !== dom.find(id)) dom.find(id).value = number; // not under the hand that types in it
    }
    dom.find("hand-t").value = t;
    dom.find("hand-guess").hidden = label !== null;
    for (const show of [input, a, h, b, g, L, jacobian, toLogits, secondLayer, toHidden, firstLayer, l2, update]) show(s);
  }

  /** Puts text and marked terms into the box of numbers of a part. */
  function worked(id, ...lines) {
    dom.find(id).replaceChildren(...lines.flatMap((line, i) => (i ? ["\n", ...[line].flat()] : [line].flat())));
  }

  /** A sum of products: the followed term, marked, the largest others, and the rest in one number. */
  function sum(left, right, followed) {
    const terms = Array.from(left, (value, i) => value * right[i]), order = reading.ranked(terms.map(Math.abs));
    const written = order.filter((i) => i !== followed && terms[i] !== 0).slice(0, TERMS);
    const parts = written.map((i) => ` + (${n(left[i])})(${n(right[i])})`), total = terms.reduce((s, term) => s + term, 0);
    const rest = terms.reduce((s, term, i) => (i === followed || written.includes(i) ? s : s + term), 0);
    const others = terms.length - 1 - written.length;
    const tail = others > 0 && rest !== 0 ? `${dom.term(rest, 6)} from the other ${others}` : "";
    return [mark(`(${n(left[followed])})(${n(right[followed])})`), `${parts.join("")}${tail}\n  = ${n(total)}`];
  }

  const rowOf = (M, j, columns) => M.subarray(j * columns, (j + 1) * columns);

  /** The 784 pixels of a row of V, or of its gradient, as an image. */
  const weights = (id, values) => dom.signed(dom.find(id), values.slice(0, PIXELS), SIDE, SIDE);

  /** A long vector as lines of colour. */
  const strip = (id, values) => dom.signed(dom.find(id), values, 40, Math.ceil(values.length / 40));

  function input(s) {
    dom.grey(dom.find("hand-file"), s.sample.pixels);
    dom.grey(dom.find("hand-placed"), s.sample.placed);
    weights("hand-x", Float64Array.from(s.x));
    for (const id of ["hand-file", "hand-placed", "hand-x"]) ring(dom.find(id), s.k);
    dom.find("hand-placed-figure").hidden = s.page.moments === null && !s.page.directions;
    if (s.page.directions) dom.find("hand-placed-caption").textContent = "the directions of its edges";
    const [line, column] = [Math.floor(s.k / SIDE), s.k % SIDE], grey = s.sample.placed[s.k];
    const { mean, invStd } = s.app.model.scaling(s.k);
    worked("worked-x", [`x[k] = (${grey} − ${n(mean)}) · ${n(invStd)} = `, mark(n(s.x[s.k])),
      `   (pixel ${s.k}: line ${line}, column ${column}, ${grey} of 255)`]);
  }

  /** Frames pixel k. */
  function ring(canvas, k) {
    const context = canvas.getContext("2d");
    context.fillStyle = "#e08a1e";
    context.fillRect(k % SIDE, Math.floor(k / SIDE), 1, 1);
  }

  function a({ net, x, j, k }) {
    const row = rowOf(net.V, j, net.inputs + 1);
    worked("worked-a", [`a[j] = Σ V[j,k] x[k],  j = ${j}, k = ${k} marked\n  = `, ...sum(row, x, k)]);
    weights("picture-V", row);
    weights("picture-Vx", row.map((value, i) => value * x[i]));
  }

  function h({ v, j }) {
    worked("worked-h", [`h[j] = tanh(${n(v.a[j])}) = `, mark(n(v.h[j]))]);
    strip("picture-h", v.h.slice(0, -1));
  }

  function b({ net, v, t, T, j }) {
    worked("worked-b", [`b[${T}] = Σ W[${T},j] h[j],  j = ${j} marked\n  = `, ...sum(rowOf(net.W, t, net.hidden + 1), v.h, j)]);
    bars("bars-b", v.b);
  }

  function g({ v, y, t, T }) {
    const top = Math.max(...v.b), e = Array.from(v.b, (value) => Math.exp(value - top));
    const total = e.reduce((sum, value) => sum + value, 0);
    worked("worked-g", [`g[${T}] = ${n(e[t])} / ${n(total)} = `, mark(n(v.g[t]))]);
    dom.find("table-g").replaceChildren(...Array.from(ALPHABET, (letter, i) => dom.element("tr", { className: i === t ? "chosen" : "" },
      dom.element("th", { scope: "row", textContent: letter }),
      ...[v.b[i], e[i], v.g[i], y[i], v.g[i] - y[i]].map((value) => dom.element("td", { textContent: n(value) })))));
  }

  function L({ page, v, y, t, T }) {
    if (page.smoothing === 0) worked("worked-L", [`L = −log ${n(v.g[t])} = `, mark(n(v.L))]);
    else worked("worked-L", [`y[${T}] = ${n(y[t])}, and ${n(page.smoothing / ALPHABET.length)} elsewhere (label smoothing)\nL = `,
      ...sum(y, v.g.map((value) => -Math.log(value)), t)]);
  }

  function jacobian({ v, t, o, T, O }) {
    const J = v["∂g/∂b"], at = (i, j) => n(J[i * ALPHABET.length + j]);
    worked("worked-J", [`∂g[${T}]/∂b[${T}] = g(1 − g) = ${n(v.g[t])} · ${n(1 - v.g[t])} = `, mark(at(t, t))],
      `∂g[${T}]/∂b[${O}] = −g[${T}] g[${O}] = −${n(v.g[t])} · ${n(v.g[o])} = ${at(t, o)}`);
    dom.signed(dom.find("picture-J"), J, ALPHABET.length, ALPHABET.length);
  }

  function toLogits({ v, y, t, o, T, O }) {
    const J = v["∂g/∂b"], slope = (i) => sum(v["∂L/∂g"], rowOf(J, i, ALPHABET.length), t);
    const line = (i, letter) => [`∂L/∂b[${letter}] = `, ...slope(i), ` = g − y = ${n(v.g[i])} − ${n(y[i])}`];
    worked("worked-db", `∂L/∂g[${T}] = −${n(y[t])} / ${n(v.g[t])} = ${n(v["∂L/∂g"][t])}`, line(t, T), line(o, O));
    bars("bars-db", v["∂L/∂b"]);
  }

  function secondLayer({ net, v, t, T, j }) {
    const D = v["∂L/∂W"];
    worked("worked-dW", [`∂L/∂W[${T},j] = (${n(v["∂L/∂b"][t])})(${n(v.h[j])}) = `, mark(n(D[t * (net.hidden + 1) + j]))]);
    dom.signed(dom.find("picture-dW"), D, net.hidden + 1, ALPHABET.length);
  }

  function toHidden({ net, v, t, T, j }) {
    const column = Float64Array.from(ALPHABET, (_, i) => net.W[i * (net.hidden + 1) + j]);
    worked("worked-da", [`∂L/∂h[j] = Σ W[i,j] (g − y)[i],  i = ${T} marked\n  = `, ...sum(column, v["∂L/∂b"], t)],
      [`∂L/∂a[j] = ${n(v["∂L/∂h"][j])} · (1 − (${n(v.h[j])})²) = `, mark(n(v["∂L/∂a"][j]))]);
    strip("picture-da", v["∂L/∂a"]);
  }

  function firstLayer({ net, v, x, j, k }) {
    const row = rowOf(v["∂L/∂V"], j, net.inputs + 1);
    worked("worked-dV", [`∂L/∂V[j,k] = (${n(v["∂L/∂a"][j])})(${n(x[k])}) = `, mark(n(row[k]))]);
    weights("picture-dV", row);
  }

  function l2({ net, v, j, k, lam, sample, y }) {
    const squares = (M) => network.dot(M, 0, M, 0, M.length), at = j * (net.inputs + 1) + k;
    const measured = walk.quotient(net, "V", at, sample.x, y, lam);
    worked("worked-J2", `J = ${n(v.L)} + ${n(lam)} (${n(squares(net.V))} + ${n(squares(net.W))}) = ${n(v.J)}`,
      [`∂J/∂V[j,k] = ${n(v["∂L/∂V"][at])} + 2 · ${n(lam)} · (${n(net.V[at])}) = `, mark(n(v["∂J/∂V"][at]))],
      `measured, (J(V[j,k] + 0.0001) − J(V[j,k] − 0.0001)) / 0.0002 = ${n(measured)}`);
  }

  function update({ net, v, j, k, t, T, lr, lam, sample, y }) {
    const row = rowOf(net.V, j, net.inputs + 1), after = rowOf(v["V after"], j, net.inputs + 1);
    const at = j * (net.inputs + 1) + k, w = t * (net.hidden + 1) + j;
    const later = network.forward({ ...net, V: v["V after"], W: v["W after"] }, sample.x);
    worked("worked-step",
      [`V[j,k] ← ${n(net.V[at])} − ${n(lr)} · (${n(v["∂J/∂V"][at])}) = `, mark(n(v["V after"][at]))],
      [`W[${T},j] ← ${n(net.W[w])} − ${n(lr)} · (${n(v["∂J/∂W"][w])}) = `, mark(n(v["W after"][w]))],
      `L: ${n(v.L)} → ${n(network.loss(later.b, y))}`,
      `g[${T}]: ${n(v.g[t])} → ${n(later.g[t])}`);
    weights("picture-before", row);
    weights("picture-added", after.map((value, i) => value - row[i]));
    weights("picture-after", after);
    dom.find("hand-lam").textContent = n(lam);
  }

  /** A bar for each letter, up or down, with its number for those who hear the page. */
  function bars(id, values) {
    const top = dom.largest(values) || 1;
    dom.find(id).replaceChildren(...Array.from(values, (value, i) => {
      const size = `${(50 * Math.abs(value)) / top}%`;
      const fill = dom.element("i", { className: value < 0 ? "down" : "up" });
      fill.style.height = size;
      return dom.element("li", { title: `${ALPHABET[i]}: ${n(value)}` }, dom.element("span", { className: "column" }, fill),
        dom.element("b", { textContent: ALPHABET[i] }), dom.element("span", { className: "unseen", textContent: ` ${n(value)}` }));
    }));
  }

  return { create };
})();

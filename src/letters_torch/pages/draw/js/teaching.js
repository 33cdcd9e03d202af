"use strict";
/* Teaching: the user says what the letter is, and the network takes one true step of single-sample SGD. */
const teaching = (() => {
  const { ALPHABET, SIDE, PIXELS } = model, SHOWN = 12;

  function create(app) {
    const mine = app.model;
    const choices = Array.from(ALPHABET, (letter, i) => choice(letter, () => app.set({ label: i })));
    dom.find("labels").append(...choices.map(({ label }) => label));
    let known = null;  // the predictions of the weights as they are, once they have been made

    dom.find("step").addEventListener("click", teach);
    dom.find("unstep").addEventListener("click", () => {
      mine.undo();
      app.weightsChanged();
      told("The weights are as they were before.");
    });
    dom.find("reset").addEventListener("click", () => {
      app.reset();
      told("The weights are the checkpoint's again.");
    });

    function told(text) {
      dom.find("taught").hidden = true;
      dom.find("teach-live").textContent = text;
    }

    async function teach() {
      const { sample, label, lr } = app.state;
      if (!sample || label === null) return;
      const before = network.copy(mine.net), g = mine.read(sample.x).g[label];
      const earlier = known?.version === app.version ? known.predicted : null;
      mine.remember();
      const { before: lossBefore, after: lossAfter } = mine.step(sample.x, label, lr);
      showStep({ letter: ALPHABET[label], lossBefore, lossAfter, gBefore: g, gAfter: mine.read(sample.x).g[label] });
      showChange(before, mine.net);
      app.weightsChanged();
      await showForgetting(before, earlier);
    }

    /** Accuracy on the page's letters before and after the step. */
    async function showForgetting(before, earlier) {
      const version = app.version, stale = () => app.version !== version, { letters } = mine;
      dom.find("forgotten").textContent = letters.length ? "counting …" : "The page carries no letters to count on.";
      if (!letters.length) return;
      const old = { predict: (x) => mine.predict(x, before) };
      const was = earlier ?? await accuracy.predict(old, letters, stale);
      const is = was && await accuracy.predict(mine, letters, stale);
      if (!is) return;
      known = { version, predicted: is };
      const { better, worse } = accuracy.changes(letters, was, is), share = (p) => accuracy.right(letters, p) / letters.length;
      dom.find("forgotten").textContent =
        `${dom.percent(share(was))} → ${dom.percent(share(is))} of ${letters.length} validation letters read right:`
        + ` ${better} newly right, ${worse} newly wrong.`;
      dom.find("teach-live").textContent = `Loss ${dom.find("loss-change").textContent}. ${dom.find("forgotten").textContent}`;
    }

    return function render({ label, sample, lr }) {
      choices.forEach(({ input }, i) => { input.checked = i === label; });
      dom.find("step").disabled = !sample || label === null;
      dom.find("step-hint").hidden = Boolean(sample) && label !== null;
      dom.find("unstep").disabled = !mine.canUndo;
      for (const slider of document.querySelectorAll(".lr")) {
        slider.value = Math.log10(lr);
        slider.setAttribute("aria-valuetext", dom.number(lr, 2));
      }
      for (const output of document.querySelectorAll(".lr-value")) output.textContent = dom.number(lr, 2);
    };
  }

  function choice(letter, choose) {
    const input = dom.element("input", { type: "radio", name: "label", value: letter });
    input.addEventListener("change", choose);
    return { input, label: dom.element("label", {}, input, dom.element("span", { textContent: letter })) };
  }

  function showStep({ letter, lossBefore, lossAfter, gBefore, gAfter }) {
    dom.find("taught").hidden = false;
    dom.find("loss-change").textContent = `${dom.number(lossBefore)} → ${dom.number(lossAfter)}`;
    dom.find("g-change").textContent = `${dom.percent(gBefore)} → ${dom.percent(gAfter)}`;
    dom.find("g-label").textContent = `probability of ${letter} before and after`;
  }

  /** The change of V, for the units that changed most, and of all of W. */
  function showChange(before, after) {
    const { hidden, inputs } = after, dV = after.V.map((value, i) => value - before.V[i]);
    const dW = after.W.map((value, i) => value - before.W[i]);
    const row = (j) => dV.subarray(j * (inputs + 1), (j + 1) * (inputs + 1));
    const sizes = Float64Array.from({ length: hidden }, (_, j) => Math.sqrt(network.dot(row(j), 0, row(j), 0, inputs + 1)));
    const most = reading.ranked(sizes).slice(0, SHOWN), largest = dom.largest(dV);
    dom.find("change-V").replaceChildren(...most.map((j) => dom.figure(`unit ${j}`, `change of the weights of unit ${j}`,
      (canvas) => dom.signed(canvas, row(j).subarray(0, PIXELS), SIDE, SIDE, largest))));
    dom.signed(dom.find("change-W"), dW, hidden + 1, ALPHABET.length);
    dom.find("change-size").textContent =
      `The largest change of an entry is ${dom.number(largest, 2)} in V and ${dom.number(dom.largest(dW), 2)} in W.`;
  }

  return { create };
})();

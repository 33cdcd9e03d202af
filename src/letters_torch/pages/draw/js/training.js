"use strict";
/* Training: single-sample steps on most of the page's letters, the accuracy on these and on the others as it goes. */
const training = (() => {
  const TRAINED_ON = 0.8, BUDGET = 12;  // the share of the letters; milliseconds of a frame
  const SPEEDS = { slow: 1, middle: 10, fast: Infinity };  // steps a frame

  function create(app) {
    const mine = app.model, cut = Math.floor(TRAINED_ON * mine.letters.length);
    const sets = [mine.letters.slice(0, cut), mine.letters.slice(cut)];
    let run = begin();
    let playing = null;  // a key of its own for each time that Train is pressed, null after Pause
    let counting = null;  // the version of the weights whose accuracy is being counted

    function begin() {
      return { step: 0, next: 0, points: [], loss: null, random: network.generator(1), version: app.version };
    }

    dom.find("play").addEventListener("click", () => (playing ? pause() : play()));
    dom.find("one-step").addEventListener("click", () => {
      pause();
      start();
      train(1);
      stepped();
      count();
    });
    dom.find("fresh").addEventListener("click", () => {
      pause();
      mine.remember();
      mine.fresh(Math.floor(1e9 * Math.random()));
      again();
    });
    dom.find("trained").addEventListener("click", () => {
      pause();
      app.reset();
      again();
    });

    /** The curve begins anew with the weights as they are. */
    function again() {
      app.weightsChanged();
      run = begin();
      count();
    }

    /** The weights changed by this run's own steps. */
    function stepped() {
      app.weightsChanged();
      run.version = app.version;
    }

    /** Before the first step of a run, or after the weights were changed elsewhere. */
    function start() {
      if (run.version !== app.version) run = begin();
      if (run.step === 0) mine.remember();
    }

    function play() {
      const key = playing = {};
      start();
      update();
      requestAnimationFrame(() => frame(key));
    }

    function pause() {
      playing = null;
      update();
    }

    async function frame(key) {
      if (playing !== key) return;
      if (run.version !== app.version) {
        pause();  // the weights were changed elsewhere
        return;
      }
      if (run.step >= run.next) await count();
      else {
        train(Math.min(SPEEDS[dom.find("speed").value], run.next - run.step));
        stepped();
        update();
      }
      requestAnimationFrame(() => frame(key));
    }

    /** At most so many steps, within the time of a frame. */
    function train(most) {
      const until = performance.now() + BUDGET, [letters] = sets;
      for (let n = 0; n < most && (n === 0 || performance.now() < until); n++) {
        const { x, label } = letters[Math.floor(run.random() * letters.length)];
        const loss = network.step(mine.net, x, mine.target(label), app.state.lr, mine.page.lam);
        run.loss = run.loss === null ? loss : 0.98 * run.loss + 0.02 * loss;
        run.step++;
      }
    }

    /** Adds a point to the curves; no step is taken meanwhile. */
    async function count() {
      const mineNow = run, version = app.version;
      if (counting === version) return;
      counting = version;
      const stale = () => app.version !== version || run !== mineNow, point = [];
      for (const letters of sets) {
        const predicted = await accuracy.predict(mine, letters, stale);
        point.push(predicted && accuracy.right(letters, predicted) / letters.length);
      }
      if (counting === version) counting = null;
      if (stale()) return;
      run.points.push([run.step, ...point]);
      run.next = run.step < 25 ? 50 : run.step < 800 ? 2 * run.step : run.step + 800;
      update();
    }

    function update() {
      dom.find("play").textContent = playing ? "Pause" : "Train";
      dom.find("steps").textContent = run.step.toLocaleString("en");
      dom.find("mean-loss").textContent = run.loss === null ? "–" : dom.number(run.loss, 3);
      const last = run.points.at(-1);
      for (const [i, id] of ["acc-train", "acc-val"].entries()) {
        dom.find(id).textContent = last ? dom.percent(last[i + 1]) : "–";
      }
      drawCurves(dom.find("curves"), run.points);
    }

    dom.find("sizes").textContent =
      `${sets[0].length} of the page's validation letters are trained on, drawn one by one with replacement; the other`
      + ` ${sets[1].length} are held out.`;
    new ResizeObserver(update).observe(dom.find("curves"));
    return { update };
  }

  /** Accuracy over steps: the letters trained on, and those held out. */
  function drawCurves(canvas, points) {
    const ratio = devicePixelRatio, width = canvas.clientWidth, height = canvas.clientHeight;
    Object.assign(canvas, { width: Math.round(width * ratio), height: Math.round(height * ratio) });
    const context = canvas.getContext("2d"), style = getComputedStyle(canvas);
    context.scale(ratio, ratio);
    const left = 44, right = width - 14, top = 10, bottom = height - 26, most = Math.max(100, points.at(-1)?.[0] ?? 0);
    const x = (step) => left + ((right - left) * step) / most, y = (share) => bottom - (bottom - top) * share;
    Object.assign(context, { font: "12px system-ui, sans-serif", fillStyle: style.color, strokeStyle: style.borderTopColor });
    for (const share of [0, 0.25, 0.5, 0.75, 1]) {
      line(context, [[left, y(share)], [right, y(share)]]);
      Object.assign(context, { textAlign: "right", textBaseline: "middle" });
      context.fillText(`${100 * share} %`, left - 6, y(share));
    }
    Object.assign(context, { textAlign: "right", textBaseline: "top" });
    context.fillText(`${most.toLocaleString("en")} steps`, right, bottom + 8);
    for (const [i, colour] of [[1, "--train"], [2, "--val"]]) {
      Object.assign(context, { lineWidth: 2, strokeStyle: style.getPropertyValue(colour), fillStyle: style.getPropertyValue(colour) });
      const at = points.map((point) => [x(point[0]), y(point[i])]);
      line(context, at);
      if (at.length) context.fillRect(at.at(-1)[0] - 3, at.at(-1)[1] - 3, 6, 6);
    }
    const last = points.at(-1);
    canvas.setAttribute("aria-label", last
      ? `Accuracy after ${last[0]} steps: ${dom.percent(last[1])} of the letters trained on, ${dom.percent(last[2])} of those held out`
      : "Accuracy over steps: no point yet");
  }

  function line(context, points) {
    context.beginPath();
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.stroke();
  }

  return { create };
})();

"use strict";
/* Puts the page together, and offers `window.letters` to tests and to the curious. */
(() => {
  const mine = model.create(JSON.parse(dom.find("data").textContent)), { letters, page } = mine;
  const FILES = ["image/png", "image/jpeg", "image/gif", "image/webp", "image/bmp"];
  const app = {
    model: mine, version: 0,
    state: { sample: null, label: null, other: null, unit: 0, pixel: 0, lr: page.lr },
    set(changes) {
      Object.assign(app.state, changes);
      show();
    },
    /** After every change of the weights: what was known of the old ones is known no more. */
    weightsChanged() {
      app.version++;
      show();
    },
    reset() {
      mine.reset();
      app.weightsChanged();
    },
  };

  const views = [reading, teaching, hand].map((view) => view.create(app));
  const paper = pad.create(dom.find("paper"), changed);
  const train = letters.length > 1 ? training.create(app) : null;
  dom.find("train").hidden = !train;
  lesson.create();

  const show = dom.framed(() => {
    const pass = app.state.sample && mine.read(app.state.sample.x);
    for (const render of views) render(app.state, pass);
  });

  /** The paper changed: an example is read from its own pixels, everything else from the paper. */
  function changed(items) {
    const [only] = items, alone = items.length === 1;
    if (alone && only.row !== undefined) return look(letters.find(({ row }) => row === only.row), only.row);
    if (alone && only.letter) return look(mine.see(only.letter), null);
    const letter = items.length ? picture.normalise(paper.grey()) : null;
    return look(letter && mine.see(letter), null);
  }

  let shownRow = null;
  function look(sample, row) {
    const begun = sample === null || row !== null || shownRow !== null;  // a letter is begun: its label is not known yet
    shownRow = row;
    dom.find("row").textContent = row === null ? "Your own letter" : `Validation row ${row}, labelled ${model.ALPHABET[sample.label]}`;
    const label = row !== null ? sample.label : begun ? null : app.state.label;
    app.set({ sample, label, other: begun ? null : app.state.other });
  }

  /** Puts an embedded letter on the paper, enlarged, dark on white. */
  function example(index) {
    const { pixels, row } = letters[index];
    paper.put({ image: dom.grey(dom.element("canvas"), pixels.map((value) => 255 - value)), row });
  }

  /** Reads a picture file the way `predict --pictures` does, at its own size. */
  async function open(file) {
    const note = dom.find("file-note");
    note.textContent = "";
    try {
      const image = await createImageBitmap(file), { width, height } = image;
      const canvas = dom.element("canvas", { width, height }), context = canvas.getContext("2d");
      context.drawImage(image, 0, 0);
      const grey = picture.grey(context.getImageData(0, 0, width, height).data, height, width);
      const letter = picture.normalise(photograph.clean(grey));
      if (letter) paper.put({ image: canvas, letter });
      else note.textContent = `${file.name}: nothing can be seen on it.`;
    } catch {
      note.textContent = `${file.name}: not a picture that this browser opens (${FILES.map((type) => type.slice(6)).join(", ")}).`;
    }
  }

  function wire() {
    dom.find("undo").addEventListener("click", () => paper.undo());
    dom.find("clear").addEventListener("click", () => paper.clear());
    dom.find("pen").addEventListener("input", (event) => { paper.width = Number(event.target.value); });
    dom.find("file").addEventListener("change", (event) => event.target.files[0] && open(event.target.files[0]));
    document.addEventListener("dragover", (event) => event.preventDefault());
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
    });
    document.addEventListener("paste", (event) => event.clipboardData.files[0] && open(event.clipboardData.files[0]));
    for (const slider of document.querySelectorAll(".lr")) {
      slider.addEventListener("input", (event) => app.set({ lr: 10 ** Number(event.target.value) }));
    }
    dom.find("another").addEventListener("click", () => example(Math.floor(Math.random() * letters.length)));
    dom.find("another").hidden = !letters.length;
  }

  /** The unit that the loss depends on most, and the pixel that is furthest from its mean. */
  function follow() {
    const { sample, label } = app.state;
    if (!sample) return;
    const pass = mine.read(sample.x), { dL_da } = network.backward(mine.net, pass, mine.target(label ?? 0));
    const [unit] = reading.ranked(dL_da.map(Math.abs)), [pixel] = reading.ranked(sample.x.map(Math.abs));
    app.set({ unit, pixel });
  }

  function begin() {
    wire();
    const first = letters.findIndex(({ row }) => row === page.row);
    if (first < 0) return show();
    const { row } = letters[first];
    look(letters[first], row);
    follow();
    example(first);
    train?.update();
    // Two frames on, all parts above it are drawn and have their heights.
    if (page.open && !location.hash) requestAnimationFrame(() => requestAnimationFrame(() => turnTo(dom.find(page.open))));
    return undefined;
  }

  /** Shows a part at once, and lets the keyboard go on from there. */
  function turnTo(part) {
    part.scrollIntoView({ behavior: "instant" });
    part.focus({ preventScroll: true });
  }

  const classOf = (label) => (typeof label === "string" ? [...model.ALPHABET].indexOf(label.toUpperCase()) : label);

  begin();
  window.letters = {
    /** 784 bytes, upright, light on black, as on file -> 26 probabilities. The letter becomes the page's sample. */
    readPixels(pixels) {
      look(mine.see(Uint8Array.from(pixels)), null);
      return Array.from(mine.read(app.state.sample.x).g);
    },
    /** What is on the paper -> 26 probabilities; null where it is empty. */
    readCanvas() {
      const letter = picture.normalise(paper.grey());
      if (letter) look(mine.see(letter), null);
      return letter && Array.from(mine.read(app.state.sample.x).g);
    },
    /** One step on the page's sample with a label ("A".."Z" or 0..25): its loss {before, after}. */
    step(label, lr) {
      const index = classOf(label);
      if (!model.ALPHABET[index]) throw new RangeError(`no such letter: ${label}`);
      if (!app.state.sample) throw new Error("there is no letter to learn from; draw one");
      mine.remember();
      const losses = mine.step(app.state.sample.x, index, lr);
      app.weightsChanged();
      return losses;
    },
    /** The checkpoint's weights again. */
    reset: () => app.reset(),
    /** The i-th letter that the page carries, put on the paper enlarged. */
    example,
    count: letters.length,
  };
})();

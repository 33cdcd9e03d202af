"use strict";
/* Elements, numbers as text, and small images. */
const dom = (() => {
  const BLUE = [43, 131, 214], RED = [214, 69, 65];
  const find = (id) => document.getElementById(id);

  /** An element with properties, attributes (those with a dash, and role) and children. */
  function element(tag, properties = {}, ...children) {
    const made = document.createElement(tag);
    for (const [name, value] of Object.entries(properties)) {
      if (name.includes("-") || name === "role") made.setAttribute(name, value);
      else made[name] = value;
    }
    made.append(...children);
    return made;
  }

  /** A number with so many digits that count, and a minus as long as a plus. */
  function number(value, digits = 4) {
    const size = Math.abs(value);
    const text = size !== 0 && (size < 1e-4 || size >= 1e6) ? value.toExponential(digits - 1) : String(Number(value.toPrecision(digits)));
    return text.replace(/-/g, "−");
  }

  const percent = (value, digits = 1) => `${(100 * value).toFixed(digits)}%`;

  /** A term of a sum, with its sign in front: " + 0.5", " − 0.25". */
  const term = (value, digits = 4) => (value < 0 ? ` − ${number(-value, digits)}` : ` + ${number(value, digits)}`);

  function paint(canvas, width, height, colour) {
    canvas.width = width;
    canvas.height = height;
    const context = canvas.getContext("2d"), image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) image.data.set(colour(i), 4 * i);
    context.putImageData(image, 0, 0);
    return canvas;
  }

  /** The largest absolute value. */
  const largest = (values) => values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);

  /** Numbers as colours: blue above 0, red below, the stronger the larger; clear at 0 and beyond the values' end. */
  function signed(canvas, values, width, height, scale = largest(values)) {
    return paint(canvas, width, height, (i) => {
      const value = values[i] ?? 0;
      return [...(value >= 0 ? BLUE : RED), Math.round(255 * Math.min(Math.abs(value) / (scale || 1), 1))];
    });
  }

  /** A letter, light on black. */
  const grey = (canvas, pixels) => paint(canvas, 28, 28, (i) => [pixels[i], pixels[i], pixels[i], 255]);

  /** A captioned picture; `draw` gets its canvas. */
  function figure(caption, label, draw) {
    const canvas = element("canvas", { role: "img", "aria-label": label });
    draw(canvas);
    return element("figure", {}, canvas, element("figcaption", {}, ...[caption].flat()));
  }

  /** Calls `work` once, `delay` ms after the last of many calls. */
  function settled(work, delay) {
    let timer = 0;
    return (...args) => {
      clearTimeout(timer);
      timer = setTimeout(() => work(...args), delay);
    };
  }

  /** Calls `work` at most once a frame. */
  function framed(work) {
    let waiting = false;
    return () => {
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        waiting = false;
        work();
      });
    };
  }

  return { find, element, number, percent, term, largest, signed, grey, figure, settled, framed };
})();

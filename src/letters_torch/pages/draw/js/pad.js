"use strict";
/* The paper: strokes of mouse, pen, finger or arrow keys, and pictures. What is read is drawn on a bitmap of its own,
   280 x 280 whatever the screen, so that the same strokes give the same picture everywhere. */
const pad = (() => {
  const SIZE = 280;

  /** Makes the paper out of a <canvas>; `changed` is called with what lies on it whenever that changes. */
  function create(canvas, changed) {
    const bitmap = dom.element("canvas", { width: SIZE, height: SIZE });
    const reader = bitmap.getContext("2d", { willReadFrequently: true });
    let items = [], history = [], stroke = null, width = 0.075;
    let cursor = null;  // of the keyboard: {x, y, down}

    const all = () => (stroke ? [...items, stroke] : items);

    function set(next) {
      history.push(items);
      items = next;
      update();
    }

    const update = dom.framed(() => {
      render(reader, SIZE, all());
      show();
      changed(all());
    });

    function show() {
      const side = Math.round(canvas.clientWidth * devicePixelRatio) || SIZE;
      if (canvas.width !== side) canvas.width = canvas.height = side;
      const context = canvas.getContext("2d");
      render(context, side, all());
      if (!cursor || document.activeElement !== canvas) return;
      context.beginPath();
      context.arc(cursor.x * side, cursor.y * side, (width * side) / 2, 0, 7);
      context.lineWidth = Math.max(1, side / 140);
      context.strokeStyle = cursor.down ? "#d64541" : "#1b6ec2";
      context.stroke();
    }

    /** Where a new stroke begins: an example on the paper makes way for it. */
    function begin(point) {
      history.push(items);
      if (items.length === 1 && items[0].row !== undefined) items = [];
      stroke = { width, points: [point] };
      update();
    }

    function end() {
      if (!stroke) return;
      items = [...items, stroke];
      stroke = null;
      update();
    }

    const place = (event) => {
      const box = canvas.getBoundingClientRect();
      return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
    };

    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0 || stroke) return;
      canvas.setPointerCapture(event.pointerId);
      cursor = null;
      begin(place(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!stroke || !canvas.hasPointerCapture(event.pointerId)) return;
      const together = event.getCoalescedEvents?.() ?? [];
      for (const one of together.length ? together : [event]) stroke.points.push(place(one));
      update();
    });
    for (const name of ["pointerup", "pointercancel", "lostpointercapture"]) canvas.addEventListener(name, end);
    for (const name of ["focus", "blur"]) canvas.addEventListener(name, update);

    const MOVES = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    canvas.addEventListener("keydown", (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      cursor ??= { x: 0.3, y: 0.2, down: false };
      if (MOVES[event.key]) moveCursor(MOVES[event.key], event.shiftKey ? 0.01 : 0.04);
      else if (event.key === " " || event.key === "Enter") toggleCursor();
      else if (event.key === "Backspace") undo();
      else if (event.key === "Delete") clear();
      else return;
      event.preventDefault();
      update();
    });

    function moveCursor([dx, dy], by) {
      cursor.x = Math.min(Math.max(cursor.x + dx * by, 0), 1);
      cursor.y = Math.min(Math.max(cursor.y + dy * by, 0), 1);
      if (cursor.down) stroke.points.push([cursor.x, cursor.y]);
    }

    function toggleCursor() {
      cursor.down = !cursor.down;
      if (cursor.down) begin([cursor.x, cursor.y]);
      else end();
    }

    function undo() {
      stroke = null;
      if (cursor) cursor.down = false;
      if (history.length) items = history.pop();
      update();
    }

    function clear() {
      end();
      if (cursor) cursor.down = false;
      if (items.length) set([]);
    }

    new ResizeObserver(show).observe(canvas);

    return {
      undo, clear,
      set width(value) { width = value; },
      /** Puts a picture on the paper, alone: {image, ...} with what is to be known of it. */
      put(item) {
        stroke = null;
        set([item]);
      },
      /** What is on the paper now, drawn at once: {image, height, width}, for picture.normalise. */
      grey() {
        render(reader, SIZE, all());
        const drawn = picture.grey(reader.getImageData(0, 0, SIZE, SIZE).data, SIZE, SIZE);
        return all().some(({ image, row }) => image && row === undefined) ? photograph.clean(drawn) : drawn;
      },
    };
  }

  function render(context, side, items) {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, side, side);
    for (const item of items) {
      if (item.image) drawImage(context, side, item);
      else drawStroke(context, side, item);
    }
  }

  /** Fitted into the paper, its proportions kept. An example's pixels stay squares: to smooth them would blur it more. */
  function drawImage(context, side, { image, row }) {
    const scale = side / Math.max(image.width, image.height), [w, h] = [image.width * scale, image.height * scale];
    Object.assign(context, { imageSmoothingEnabled: row === undefined, imageSmoothingQuality: "high" });
    context.drawImage(image, (side - w) / 2, (side - h) / 2, w, h);
  }

  /** A line through the middles of its points, bent towards them. */
  function drawStroke(context, side, { points, width }) {
    const [first, ...rest] = points.map(([x, y]) => [x * side, y * side]);
    Object.assign(context, { lineWidth: width * side, lineCap: "round", lineJoin: "round", strokeStyle: "#000" });
    context.beginPath();
    context.moveTo(...first);
    let before = first;
    for (const point of rest) {
      context.quadraticCurveTo(...before, (before[0] + point[0]) / 2, (before[1] + point[1]) / 2);
      before = point;
    }
    context.lineTo(...before);
    context.stroke();
  }

  return { create };
})();

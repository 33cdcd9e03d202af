// What a reader with low vision, a keyboard or a screen reader would trip over. Evaluates to a list of complaints.
(() => {
  const complaints = [];
  const shown = (element) => element.checkVisibility() && !element.closest(".unseen, .skip, [aria-hidden=true]");

  function parsed(colour) {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    canvas.clearRect(0, 0, 1, 1);
    canvas.fillStyle = colour;
    canvas.fillRect(0, 0, 1, 1);
    return Array.from(canvas.getImageData(0, 0, 1, 1).data);
  }

  function ground(element) {
    for (let at = element; at; at = at.parentElement) {
      const colour = parsed(getComputedStyle(at).backgroundColor);
      if (colour[3] > 250) return colour;
    }
    return [255, 255, 255, 255];
  }

  const linear = (value) => (value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4);
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  function contrast(one, other) {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  }

  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const text = walker.currentNode.textContent.trim(), element = walker.currentNode.parentElement;
    if (!text || !shown(element) || element.closest("script, style, :disabled, svg")) continue;
    const ratio = contrast(parsed(getComputedStyle(element).color), ground(element));
    if (ratio < 4.5) complaints.push(`contrast ${ratio.toFixed(2)}: ${text.slice(0, 40)}`);
  }
  for (const element of document.querySelectorAll("canvas, img, svg")) {
    if (!shown(element) || element.closest("button")) continue;
    const named = element.getAttribute("aria-label") || element.getAttribute("alt");
    if (!named) complaints.push(`no name: ${element.outerHTML.slice(0, 80)}`);
  }
  for (const element of document.querySelectorAll("button, input, select, a, summary")) {
    const named = element.getAttribute("aria-label") || element.textContent.trim() || element.closest("label")?.textContent.trim();
    if (!named) complaints.push(`no label: ${element.outerHTML.slice(0, 80)}`);
  }
  for (const head of document.querySelectorAll("th")) {
    if (!head.scope) complaints.push(`no scope: ${head.textContent}`);
  }
  for (const box of document.querySelectorAll("*")) {
    if (!["auto", "scroll"].includes(getComputedStyle(box).overflowX) || box.scrollWidth <= box.clientWidth) continue;
    if (box.tabIndex < 0) complaints.push(`scrolls, but no key reaches it: ${box.outerHTML.slice(0, 80)}`);
  }
  const ids = Array.from(document.querySelectorAll("[id]"), (element) => element.id);
  complaints.push(...ids.filter((id, i) => ids.indexOf(id) !== i).map((id) => `id twice: ${id}`));
  if (document.documentElement.scrollWidth > innerWidth) complaints.push(`wider than the window: ${document.documentElement.scrollWidth}`);
  return complaints;
})()

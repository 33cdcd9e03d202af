"use strict";
/* The guided lesson: one prompt after another, each beside the part of the page that it is about. */
const lesson = (() => {
  function create() {
    const box = dom.find("lesson"), prompts = [...box.querySelectorAll("li")];
    let at = -1;

    function show(next) {
      at = next;
      box.classList.toggle("running", at >= 0);
      prompts.forEach((prompt, i) => prompt.classList.toggle("now", i === at));
      dom.find("lesson-back").disabled = at <= 0;
      dom.find("lesson-next").textContent = at === prompts.length - 1 ? "Finish" : "Next";
      dom.find("lesson-count").textContent = `Prompt ${at + 1} of ${prompts.length}`;
      dom.find("lesson-start").hidden = at >= 0;
      if (at < 0) {
        dom.find("lesson-start").focus();
        return;
      }
      dom.find(prompts[at].dataset.part).scrollIntoView({ block: "start" });
      prompts[at].focus({ preventScroll: true });
    }

    dom.find("lesson-start").addEventListener("click", () => show(0));
    dom.find("lesson-back").addEventListener("click", () => show(at - 1));
    dom.find("lesson-next").addEventListener("click", () => show(at === prompts.length - 1 ? -1 : at + 1));
    dom.find("lesson-close").addEventListener("click", () => show(-1));
  }

  return { create };
})();

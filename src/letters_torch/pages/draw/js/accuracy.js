"use strict";
/* Accuracy on the page's letters, in slices, so that the page stays responsive. */
const accuracy = (() => {
  const SLICE = 20;

  /** Predicts the letters' classes with the weights as they are now; resolves to null once `stale()` is true. */
  async function predict(mine, letters, stale) {
    const predicted = [];
    for (let i = 0; i < letters.length; i += SLICE) {
      if (i) await new Promise((resolve) => setTimeout(resolve));
      if (stale()) return null;
      predicted.push(...letters.slice(i, i + SLICE).map(({ x }) => mine.predict(x)));
    }
    return predicted;
  }

  const right = (letters, predicted) => letters.filter(({ label }, i) => label === predicted[i]).length;

  /** Between two sets of predictions: how many letters are newly right and how many newly wrong. */
  function changes(letters, before, after) {
    const better = letters.filter(({ label }, i) => before[i] !== label && after[i] === label).length;
    const worse = letters.filter(({ label }, i) => before[i] === label && after[i] !== label).length;
    return { better, worse };
  }

  return { predict, right, changes };
})();

"use strict";
/* One step taken apart: every quantity of docs/derivation.md by name, in its order. Matrices are flat, row by row. */
const walk = (() => {
  const outer = (left, right) => Float64Array.from({ length: left.length * right.length },
    (_, i) => left[Math.floor(i / right.length)] * right[i % right.length]);

  /** All quantities of a step on the sample x, without its 1, and the label y. */
  function take(net, x, y, lr, lam) {
    const s = network.forward(net, x), { dL_db, dL_dh, dL_da } = network.backward(net, s, y);
    const dL_dW = outer(dL_db, s.h), dL_dV = outer(dL_da, [...x, 1]);
    const dJ_dW = dL_dW.map((value, i) => value + 2 * lam * net.W[i]);
    const dJ_dV = dL_dV.map((value, i) => value + 2 * lam * net.V[i]);
    return {
      a: s.a, h: s.h, b: s.b, g: s.g,
      L: network.loss(s.b, y),
      "∂g/∂b": jacobian(s.g),
      "∂L/∂g": s.g.map((g, i) => -y[i] / g),
      "∂L/∂b": dL_db, "∂L/∂W": dL_dW, "∂L/∂h": dL_dh, "∂L/∂a": dL_da, "∂L/∂V": dL_dV,
      J: network.objective(net, x, y, lam),
      "∂J/∂W": dJ_dW, "∂J/∂V": dJ_dV,
      "W after": net.W.map((value, i) => value - lr * dJ_dW[i]),
      "V after": net.V.map((value, i) => value - lr * dJ_dV[i]),
    };
  }

  /** diag(g) - g g^T. */
  function jacobian(g) {
    return outer(g, g).map((product, i) => (i % (g.length + 1) ? 0 : g[i % g.length]) - product);
  }

  /** The slope of J along one weight as a difference quotient, in which no derivative is used. */
  function quotient(net, matrix, index, x, y, lam, nudge = 1e-4) {
    const at = (by) => {
      const moved = { ...net, [matrix]: net[matrix].slice() };
      moved[matrix][index] += by;
      // Both squares differ by the one weight alone; taken this way no digits drown in the large sum.
      return network.loss(network.forward(moved, x).b, y) + lam * (2 * net[matrix][index] * by + by * by);
    };
    return (at(nudge) - at(-nudge)) / (2 * nudge);
  }

  return { take, quotient };
})();

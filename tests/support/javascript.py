"""Runs the draw page's scripts in V8, without a browser."""

import base64
import json
import weakref
from typing import Any

import numpy as np

from letters_torch.pages.draw.document import script

TYPES = {"float64": "Float64Array", "float32": "Float32Array", "uint8": "Uint8Array"}


class Engine:
    """V8 with some of the page's scripts loaded."""

    def __init__(self, *scripts: str) -> None:
        from py_mini_racer import MiniRacer

        self._context = MiniRacer()
        # Before the interpreter takes itself apart, in which V8 sometimes waits for a thread that is gone.
        weakref.finalize(self, self._context.close)
        for name in dict.fromkeys(("bytes", *scripts)):
            self._context.eval(script(name))

    def set(self, **values: Any) -> None:
        """Makes global variables: typed arrays of NumPy arrays, flat; everything else by JSON."""
        for name, value in values.items():
            if isinstance(value, np.ndarray):
                text = base64.b64encode(np.ascontiguousarray(value).tobytes()).decode()
                made = f"new {TYPES[str(value.dtype)]}(bytes.fromBase64({json.dumps(text)}).buffer)"
            else:
                made = json.dumps(value)
            self._context.eval(f"var {name} = {made};")

    def run(self, code: str) -> None:
        """Executes statements."""
        self._context.eval(f"{code};0")

    def get(self, expression: str) -> Any:
        """The value of an expression, arrays (typed ones as well) as lists."""
        plain = "(_, value) => ArrayBuffer.isView(value) ? Array.from(value) : value"
        return json.loads(str(self._context.eval(f"JSON.stringify({expression}, {plain})")))

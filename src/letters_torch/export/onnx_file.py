"""The whole path from raw letters to probabilities as one ONNX graph: preprocessing, network, softmax."""

import numpy as np
import onnx
from onnx import TensorProto, helper

from letters_torch.data.directions import DIRECTIONS, LARGEST, SMOOTHING, SOBEL, STRIDE, TILES, TURNS
from letters_torch.data.moments import STEEPEST, THINNEST, ZOOM, Moments
from letters_torch.export.graph import IR_VERSION, OPSET, Graph, Value
from letters_torch.export.trained import Trained
from letters_torch.letters import CLASSES, PIXELS, SIDE


def model(trained: Trained, description: str = "") -> onnx.ModelProto:
    """Builds the model.

    Args:
        trained: the network and its preprocessing.
        description: stored as the model's documentation.

    Returns:
        A model with one input and two outputs:

        - `images`, uint8 (N, 28, 28), upright, white ink (255) on black (0), not preprocessed in any way;
        - `probabilities`, float32 (N, 26), of A..Z;
        - `classes`, int64 (N,), 0..25 for A..Z: the most probable letter.
    """
    graph = Graph()
    images = graph.input("images", np.uint8)
    moments = trained.standardizer.moments
    pixels = images.cast(np.float32) if moments is None else _moved(images, moments)
    if trained.standardizer.directions:
        pixels = _directions(pixels)
    mean, inverse = (table.numpy() for table in (trained.standardizer.mean, trained.standardizer.inv_std))
    x = ((pixels - mean) * inverse).reshape(0, PIXELS)
    h = _layer(x, trained.V).op("Tanh")
    g = _layer(h, trained.W).op("Softmax", axis=1, name="probabilities")
    g.op("ArgMax", axis=1, keepdims=0, name="classes")
    return _model(graph, trained, description)


def _layer(x: Value, weights: np.ndarray) -> Value:
    """Weights times x, plus the bias in their last column."""
    return x.op("Gemm", weights[:, :-1], weights[:, -1], transB=1)


def _moved(images: Value, moments: Moments) -> Value:
    """`Moments.__call__`: uint8 (N, 28, 28) -> float32 (N, 28, 28), whole grey levels."""
    theta = _maps(images, moments).cast(np.float32)
    # affine_grid: pixel centres from -1 to 1 and the constant 1, (3, 784); each map's two rows times it.
    centre = (np.arange(SIDE) * 2 + 1) / SIDE - 1
    y, x = np.meshgrid(centre, centre, indexing="ij")
    base = np.stack([x.ravel(), y.ravel(), np.ones(PIXELS)])
    grid = (theta.reshape(-1, 3) @ base).reshape(-1, 2, SIDE, SIDE).op("Transpose", perm=[0, 2, 3, 1])
    planes = images.cast(np.float32).reshape(0, 1, SIDE, SIDE)
    sampled = planes.op("GridSample", grid, mode="bilinear", padding_mode="zeros", align_corners=0)
    return sampled.op("Round").clip(0, 255).reshape(0, SIDE, SIDE)


def _directions(pixels: Value) -> Value:
    """`directions.of_images`: float32 (N, 28, 28) -> float32 (N, 28, 28), whole grey levels."""
    planes = pixels.reshape(0, 1, SIDE, SIDE)
    gradient = planes.op("Conv", np.stack([SOBEL, SOBEL.T])[:, None], pads=[2, 2, 2, 2])
    before, after = (np.roll(TURNS, by, axis=0)[:, :, None, None] for by in (1, -1))
    components = gradient.op("Conv", before).op("Min", gradient.op("Conv", -after)).at_least(0)
    window, pad = np.tile(np.outer(SMOOTHING, SMOOTHING), (DIRECTIONS, 1, 1, 1)), STRIDE // 2
    maps = components.op("Conv", window, group=DIRECTIONS, strides=[STRIDE] * 2, pads=[pad] * 4)
    features = (maps * LARGEST).sqrt().clip(0, LARGEST).op("Round")
    tiles = features.reshape(0, TILES, TILES, SIDE // STRIDE, SIDE // STRIDE).op("Transpose", perm=[0, 1, 3, 2, 4])
    return tiles.reshape(0, SIDE, SIDE)


def _maps(images: Value, moments: Moments) -> Value:
    """`Moments.maps` in float64, each map's six numbers in a row: uint8 (N, 28, 28) -> (N, 6)."""
    position = np.arange(SIDE) - (SIDE - 1) / 2
    y, x = (axis.ravel() for axis in np.meshgrid(position, position, indexing="ij"))
    ink = images.cast(np.float64).reshape(0, PIXELS)
    mass = ink @ np.ones((PIXELS, 1))
    means = (ink / mass.at_least(1)) @ np.stack([x, y, x * x, y * y, x * y], 1)
    m_x, m_y, m_xx, m_yy, m_xy = (means.column(i) for i in range(5))
    v_x, v_y, v_xy = m_xx - m_x * m_x, m_yy - m_y * m_y, m_xy - m_x * m_y
    k = (moments.slant * v_xy / v_y.at_least(THINNEST**2)).clip(-STEEPEST, STEEPEST)
    s_x = (v_x - 2 * k * v_xy + k * k * v_y).at_least(THINNEST**2).sqrt()
    s_y = v_y.at_least(THINNEST**2).sqrt()
    size = (s_x * s_y).sqrt()
    z_x, z_y = ((size / moments.spread * (s / size) ** moments.aspect).clip(*ZOOM) for s in (s_x, s_y))
    half = SIDE / 2
    zero = mass * 0.0
    maps = z_x.op("Concat", k * z_y, m_x / half, zero, z_y, m_y / half, axis=1)
    empty = mass.op("Equal", 0.0)
    return images.graph.node("Where", empty, np.eye(2, 3).reshape(1, 6), maps, like=maps)


def _model(graph: Graph, trained: Trained, description: str) -> onnx.ModelProto:
    inputs = [helper.make_tensor_value_info("images", TensorProto.UINT8, ["N", SIDE, SIDE])]
    outputs = [
        helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", CLASSES]),
        helper.make_tensor_value_info("classes", TensorProto.INT64, ["N"]),
    ]
    body = helper.make_graph(graph.nodes, "letters_torch", inputs, outputs, graph.constants)
    built = helper.make_model(
        body, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="letters_torch"
    )
    built.doc_string = description
    helper.set_model_props(built, trained.metadata())
    onnx.checker.check_model(built, full_check=True)
    return built

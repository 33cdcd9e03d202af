"""Augmentation: torchvision's affine and the notebook's own, image by image, each against its original."""

import sys
from typing import Any

import numpy as np
import pytest
import torch
from scipy import ndimage
from torch import Tensor
from torchvision.transforms import v2

from letters_torch import data
from letters_torch.data import affine, augment, standardize, stream
from letters_torch.data.augment import AffineParameters, RandomAffine, RandomWarp, RollAndRotate
from letters_torch.data.rows import Rows
from letters_torch.data.stream import Draws
from tests.support.making import pictures

N = 24
SIZES = [(28, 28), (20, 33), (31, 16)]
RANGES: dict[str, dict[str, Any]] = {
    "degrees": {"degrees": 10},
    "a range of degrees": {"degrees": (20, 170)},
    "translate": {"degrees": 0, "translate": (0.3, 0.1)},
    "scale": {"degrees": 0, "scale": (0.5, 1.7)},
    "shear": {"degrees": 0, "shear": 15},
    "shear of x": {"degrees": 0, "shear": (5, 25)},
    "shear of both": {"degrees": 0, "shear": (-20, 20, -10, 30)},
    "all": {"degrees": 25, "translate": (0.2, 0.2), "scale": (0.7, 1.3), "shear": (-15, 15, -15, 15)},
}


def images(height: int = 28, width: int = 28, dtype: torch.dtype = torch.float64) -> Tensor:
    return torch.from_numpy(np.random.default_rng(0).normal(size=(N, height, width))).to(dtype)


def draws(count: int = N, seed: int = 0) -> Draws:
    return stream.draws(seed, 0, count)[:, 1:]


def torchvisions(image: Tensor, parameters: AffineParameters, k: int, interpolation: str, fill: float | None) -> Tensor:
    """`v2.functional.affine` of one image with the parameters of row k."""
    angle, (x, y), scale, shear = (column[k].tolist() for column in parameters)
    return v2.functional.affine(
        image[None], angle, [x, y], scale, shear, v2.InterpolationMode(interpolation), None if fill is None else [fill]
    )[0]


@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES)
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("fill", [None, -1.5])
@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_each_image_is_torchvisions(ranges: Any, size: tuple[int, int], fill: float | None, interpolation: Any) -> None:
    x = images(*size)
    affine = RandomAffine(**ranges, interpolation=interpolation, fill=fill)
    ours, parameters = affine.augment(x, draws(), 0.0), affine.parameters_from(draws(), *size)
    theirs = torch.stack([torchvisions(x[k], parameters, k, interpolation, fill) for k in range(N)])
    assert (ours - x).abs().max() > 0.1  # something was done
    if interpolation == "bilinear":
        # torchvision keeps its matrix in the images' dtype, but builds its grid's base in float32.
        torch.testing.assert_close(ours, theirs, rtol=0, atol=2e-5)
    else:  # where a position falls between two pixels, rounding decides which is the nearer
        assert (ours == theirs).double().mean() > 0.995


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("fill", [None, 0.7])
def test_each_float32_image_is_torchvisions(interpolation: Any, fill: float | None) -> None:
    x = images(dtype=torch.float32)
    affine = RandomAffine(**RANGES["all"], interpolation=interpolation, fill=fill)
    ours = affine.augment(x, draws(), 0.0)
    parameters = affine.parameters_from(draws(), 28, 28)
    theirs = torch.stack([torchvisions(x[k], parameters, k, interpolation, fill) for k in range(N)])
    assert ours.dtype == torch.float32
    if interpolation == "bilinear":
        torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4)
    else:
        assert (ours == theirs).double().mean() > 0.995


@pytest.mark.parametrize("fill", [0.0, -0.4])
def test_without_a_fill_what_comes_in_is_the_sets_own_fill(fill: float) -> None:
    parameters_of = RandomAffine(**RANGES["all"])
    x = images()
    result = parameters_of.augment(x, draws(), fill)
    parameters = parameters_of.parameters_from(draws(), 28, 28)
    theirs = torch.stack([torchvisions(x[k] - fill, parameters, k, "bilinear", None) + fill for k in range(N)])
    torch.testing.assert_close(result, theirs, rtol=0, atol=2e-5)


@pytest.mark.parametrize("given", [0, 0.0, -3.0])
def test_a_fill_that_is_given_wins_even_if_it_is_0(given: float) -> None:
    x = torch.full((N, 28, 28), 2.0, dtype=torch.float64)
    moved = RandomAffine(0, (0.5, 0.5), fill=given).augment(x, draws(), -0.4)
    assert set(moved.round(decimals=9).unique().tolist()) == {2.0, given}


@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_affine_grid_is_torchs(size: tuple[int, int], dtype: torch.dtype) -> None:
    theta = torch.from_numpy(np.random.default_rng(1).normal(size=(N, 2, 3))).to(dtype)
    theirs = torch.nn.functional.affine_grid(theta, [N, 1, *size], align_corners=False)
    torch.testing.assert_close(affine.affine_grid(theta, *size), theirs, rtol=0, atol=1e-6)


WRONG: list[dict[str, Any]] = [
    {"degrees": -1},
    {"degrees": (1, 2, 3)},
    {"degrees": 1, "translate": (2, 0)},
    {"degrees": 1, "translate": (-0.1, 0)},
    {"degrees": 1, "scale": (0, 1)},
    {"degrees": 1, "scale": (-1, 1)},
    {"degrees": 1, "shear": -3},
    {"degrees": 1, "shear": (1, 2, 3)},
]


@pytest.mark.parametrize("arguments", WRONG, ids=str)
def test_arguments_are_refused_as_torchvision_refuses_them(arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".") as theirs:
        v2.RandomAffine(**arguments)
    with pytest.raises(ValueError, match=r".") as ours:
        RandomAffine(**arguments)
    assert str(ours.value) == str(theirs.value)


INF, NAN = float("inf"), float("nan")
NOT_FINITE: list[tuple[type, str, Any, Any]] = [
    (RandomAffine, "degrees", INF, {}),
    (RandomAffine, "degrees", (0.0, INF), {}),
    (RandomAffine, "degrees", (NAN, 1.0), {}),
    (RandomAffine, "scale", (0.5, INF), {"degrees": 5}),
    (RandomAffine, "scale", (1e-9, 1.0), {"degrees": 5}),
    (RandomAffine, "shear", INF, {"degrees": 5}),
    (RandomAffine, "shear", (0.0, 1.0, NAN, 1.0), {"degrees": 5}),
    (RandomAffine, "shear", 90.0, {"degrees": 5}),
    (RandomAffine, "fill", NAN, {"degrees": 5}),
    (RandomWarp, "pull", INF, {"degrees": 5}),
    (RandomWarp, "pull", None, {"degrees": 5}),
    (RollAndRotate, "degrees", INF, {}),
    (RollAndRotate, "degrees", None, {}),
    (RollAndRotate, "degrees", "ten", {}),
    (RollAndRotate, "degrees", -1.0, {}),
]


@pytest.mark.parametrize(("kind", "name", "value", "others"), NOT_FINITE, ids=str)
def test_a_number_that_cannot_be_used_is_refused_by_name(kind: type, name: str, value: Any, others: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name} must be"):
        kind(**{name: value, **others})


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ({"degrees": INF}, "degrees must be finite, not inf"),
        ({"degrees": 5, "scale": (1e-9, 1.0)}, "scale must be at least 0.01, not (1e-09, 1.0)"),
        ({"degrees": 5, "shear": 90.0}, "shear must be below 90 degrees, not 90.0"),
    ],
)
def test_what_is_said_of_such_a_number(setting: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r".") as error:
        RandomAffine(**setting)
    assert str(error.value) == said


@pytest.mark.parametrize("interpolation", ["bicubic", "lanczos", "nonsense"])
def test_an_interpolation_that_tensors_do_not_have_is_refused(interpolation: Any) -> None:
    with pytest.raises(ValueError, match=f"interpolation must be nearest or bilinear, not {interpolation}"):
        RandomAffine(10, interpolation=interpolation)


@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES)
def test_parameters_are_distributed_as_torchvisions(ranges: Any) -> None:
    n, n_theirs = 40_000, 4000
    torch.manual_seed(0)
    image = torch.zeros(1, 28, 40)
    reference = v2.RandomAffine(**ranges)
    made = [reference.make_params([image]) for _ in range(n_theirs)]
    theirs = np.array([[m["angle"], *m["translate"], m["scale"], *m["shear"]] for m in made], np.float64)
    parameters = RandomAffine(**ranges).parameters_from(draws(n), 28, 40)
    columns = [parameters.angle, *parameters.translate.T, parameters.scale, *parameters.shear.T]
    for ours, reference_column in zip(columns, theirs.T, strict=True):
        spread = np.ptp(reference_column)
        if spread == 0:
            assert set(ours) == {reference_column[0]}
            continue
        assert abs(ours.min() - reference_column.min()) < 0.01 * spread
        assert abs(ours.max() - reference_column.max()) < 0.01 * spread
        assert abs(ours.mean() - reference_column.mean()) < 5 * reference_column.std() / np.sqrt(n_theirs)
        assert ours.var() == pytest.approx(reference_column.var(), rel=0.1)
    np.testing.assert_array_equal(parameters.translate, np.round(parameters.translate))
    if "translate" in ranges:  # the same whole pixels, equally often
        for axis in (0, 1):
            pixels, counts = np.unique(parameters.translate[:, axis], return_counts=True)
            there, often = np.unique(theirs[:, 1 + axis], return_counts=True)
            np.testing.assert_array_equal(pixels, there)
            np.testing.assert_allclose(counts / n, often / n_theirs, atol=0.03)


def without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until the end of the test the compiled sampler cannot be imported."""
    monkeypatch.setattr(affine, "_sampler", affine._sampler.__wrapped__)  # without its cache
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "letters_torch.data._sampler", raising=False)
    monkeypatch.delattr(data, "_sampler", raising=False)
    assert affine._sampler() is None


WAYS = [RandomAffine(**RANGES["all"]), RandomAffine(**RANGES["all"], fill=0.7), RandomWarp(**RANGES["all"], pull=2.5)]


@pytest.mark.parametrize("method", WAYS, ids=["affine", "fill", "warp"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize(("dtype", "apart"), [(torch.float32, 1e-4), (torch.float64, 1e-12)])
def test_torch_samples_the_same_without_numba(
    method: RandomAffine, size: tuple[int, int], dtype: torch.dtype, apart: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = images(*size, dtype=dtype)
    compiled = method.augment(x, draws(), -0.4)
    without_numba(monkeypatch)
    plain = method.augment(x, draws(), -0.4)
    assert plain.dtype == compiled.dtype == dtype
    torch.testing.assert_close(plain, compiled, rtol=0, atol=apart)


def rows_of_a_set(dtype: torch.dtype) -> tuple[Rows, float]:
    """N rows of a set, and its fill."""
    ink = pictures(200)
    fitted = standardize.fit(ink, "global")
    rows = torch.from_numpy(np.random.default_rng(3).integers(0, 200, N))
    return Rows(torch.from_numpy(ink), rows, fitted.mean, fitted.inv_std, dtype), fitted.fill


@pytest.mark.parametrize("method", WAYS, ids=["affine", "fill", "warp"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_of_a_set_are_its_standardised_images(method: RandomAffine, dtype: torch.dtype) -> None:
    rows, fill = rows_of_a_set(dtype)
    assert torch.equal(method.augment_rows(rows, draws(), fill), method.augment(rows.standardised(), draws(), fill))


def test_a_subclass_that_augments_otherwise_is_asked_for_rows_too() -> None:
    class Negative(RandomAffine):
        def augment(self, images: Tensor, draws: Draws, fill: float) -> Tensor:
            return -super().augment(images, draws, fill)

    rows, fill = rows_of_a_set(torch.float32)
    expected = RandomAffine(10).augment_rows(rows, draws(), fill)
    assert torch.equal(Negative(10).augment_rows(rows, draws(), fill), -expected)


@pytest.mark.parametrize("far", [float("nan"), float("inf"), -float("inf"), 1e300, -1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_no_position_reads_outside_the_image(far: float, dtype: torch.dtype) -> None:
    x = images(dtype=dtype)
    coefficients = np.zeros((N, 2, 3))
    coefficients[:, :, 2] = far
    field = affine.Field(coefficients, affine.affine_base(28, 28, torch.float64))
    with np.errstate(over="ignore"):
        assert (affine.sample_field(x, field, "bilinear", -0.4, None) + 0.4).abs().max() < 1e-6


def test_the_parameters_of_one_image_are_independent() -> None:
    parameters = RandomAffine(**RANGES["all"]).parameters_from(draws(20_000), 28, 28)
    columns = np.stack([parameters.angle, *parameters.translate.T, parameters.scale, *parameters.shear.T])
    assert np.abs(np.corrcoef(columns) - np.eye(6)).max() < 5 / np.sqrt(20_000)


@pytest.mark.parametrize("method", [RandomAffine(**RANGES["all"]), RollAndRotate()], ids=["affine", "roll"])
def test_every_image_has_its_own_draw_and_nothing_else(method: augment.Augmentation) -> None:
    x = images()[:1].expand(N, -1, -1).contiguous()
    before = x.clone()
    together = method.augment(x, draws(), 0.0)
    assert torch.equal(x, before)
    assert len(torch.unique(together.flatten(1), dim=0)) == N
    alone = torch.cat([method.augment(x[k : k + 1], draws()[k : k + 1], 0.0) for k in range(N)])
    if isinstance(method, RandomAffine):
        assert torch.equal(alone, together)
    else:
        torch.testing.assert_close(alone, together, rtol=0, atol=1e-12)


def shift_variance_of_the_notebook(n: int) -> np.ndarray:
    shift, axis, _ = RollAndRotate().parameters_from(draws(n))
    return np.array([np.mean(np.where(axis == k, shift, 0) ** 2) for k in (0, 1)])


def test_the_affine_shift_of_the_configs_varies_as_the_notebooks() -> None:
    n = 200_000
    exact = (0.3 * 1 + 0.3 * 4 + 0.1 * 9) / 2  # 1, 2, 3 pixels, of one axis in two
    assert exact == pytest.approx(1.2)
    np.testing.assert_allclose(shift_variance_of_the_notebook(n), exact, rtol=0.02)
    translate = RandomAffine(10, (0.064, 0.064)).parameters_from(draws(n), 28, 28).translate
    np.testing.assert_allclose((translate**2).mean(0), exact, rtol=0.02)
    np.testing.assert_allclose(translate.mean(0), 0, atol=0.02)
    largest = 0.064 * 28  # of a uniform shift that is then rounded: 0, 1 and 2 pixels either way
    one, two = 1 / largest, (largest - 1.5) / largest
    assert one + 4 * two == pytest.approx(exact, rel=0.02)


def test_the_standardised_image_is_what_moves() -> None:
    """Moved first and standardised afterwards, ink meets the tiny deviations of the border's pixels."""
    ink = pictures(200)
    ink[0, 0, 0] = 3  # the corner varies a little, so its deviation is tiny
    fitted = standardize.fit(ink, "pixel")
    standardised = fitted(torch.from_numpy(ink))
    shifted = RandomAffine(0, (0.3, 0.3)).augment(standardised, draws(200), fitted.fill)
    assert shifted.abs().max() <= standardised.abs().max() + 1e-4
    raw = RandomAffine(0, (0.3, 0.3)).augment(torch.from_numpy(ink).float(), draws(200), 0.0)
    trap = (raw - fitted.mean.float()) * fitted.inv_std.float()
    assert trap.abs().max() > 20 * shifted.abs().max()


def test_with_one_mean_and_deviation_what_comes_in_is_black() -> None:
    ink = pictures(N)
    fitted = standardize.fit(ink, "global")
    moved = RandomAffine(0, (0.3, 0.3)).augment(fitted(torch.from_numpy(ink), torch.float64), draws(), fitted.fill)
    raw = RandomAffine(0, (0.3, 0.3)).augment(torch.from_numpy(ink).double(), draws(), 0.0)
    expected = (raw - fitted.mean) * fitted.inv_std
    torch.testing.assert_close(moved, expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("size", [(28, 28), (28, 20)], ids=str)
def test_roll_and_rotate_is_numpys_and_scipys(dtype: torch.dtype, size: tuple[int, int]) -> None:
    x = images(*size, dtype=dtype)
    ours = RollAndRotate(10).augment(x, draws(), 0.0)
    assert ours.dtype == dtype
    shift, axis, angle = RollAndRotate(10).parameters_from(draws())
    theirs = [
        ndimage.rotate(np.roll(image, int(s), int(a)), degrees, reshape=False, order=3, mode="nearest")
        for image, s, a, degrees in zip(x.double().numpy(), shift, axis, angle, strict=True)
    ]
    np.testing.assert_allclose(ours, np.stack(theirs), rtol=0, atol=1e-10 if dtype == torch.float64 else 1e-4)


@pytest.mark.parametrize("degrees", [0.0, 1e-9, 45.0, -90.0, 180.0])
def test_rotation_by_any_angle_is_scipys(degrees: float) -> None:
    x = images()[:2]
    theirs = [ndimage.rotate(image, degrees, reshape=False, order=3, mode="nearest") for image in x.numpy()]
    np.testing.assert_allclose(augment.rotate(x, np.full(2, degrees)), np.stack(theirs), rtol=0, atol=1e-10)


def test_shifts_and_angles_are_distributed_as_the_notebooks() -> None:
    n = 100_000
    shift, axis, angle = RollAndRotate(10).parameters_from(draws(n))
    for pixels, part in ((0, 0.3), (1, 0.3), (2, 0.3), (3, 0.1)):
        assert np.mean(np.abs(shift) == pixels) == pytest.approx(part, abs=0.006)
    assert np.mean(shift > 0) == pytest.approx(0.35, abs=0.006)
    assert set(axis) == {0, 1}
    assert axis.mean() == pytest.approx(0.5, abs=0.006)
    assert np.abs(angle).max() < 10
    assert np.mean(angle > 0) == pytest.approx(0.5, abs=0.006)
    tenths = np.histogram(np.abs(angle), 10, (0, 10))[0] / n
    np.testing.assert_allclose(tenths, 0.1, atol=0.006)
    independent = np.corrcoef([np.abs(shift), np.sign(shift), axis, np.abs(angle), np.sign(angle)]) - np.eye(5)
    assert np.abs(independent).max() < 0.02


def pulled(image: Tensor, pixels: np.ndarray) -> Tensor:
    """One image (H, W) whose quarters are pulled by 8 displacements, pixel by pixel, read by SciPy's interpolation."""
    height, width = image.shape
    rows, columns = np.meshgrid(np.arange(height) + 0.5, np.arange(width) + 0.5, indexing="ij")
    x, y = columns.copy(), rows.copy()
    for quarter in range(4):
        middle_x, middle_y = (0.25 + 0.5 * (quarter % 2)) * width, (0.25 + 0.5 * (quarter // 2)) * height
        follows = np.exp(-8 * (((columns - middle_x) / width) ** 2 + ((rows - middle_y) / height) ** 2))
        x += pixels[quarter] * follows
        y += pixels[4 + quarter] * follows
    positions = [y - 0.5, x - 0.5]
    return torch.from_numpy(ndimage.map_coordinates(image.numpy(), positions, order=1, mode="grid-constant"))


@pytest.mark.parametrize("size", SIZES, ids=str)
def test_each_quarter_is_pulled_its_own_way(size: tuple[int, int]) -> None:
    x, u = images(*size), draws()
    ours = RandomWarp(0, pull=2.5).augment(x, u, 0.0)
    expected = torch.stack([pulled(x[k], 2.5 * (2 * u[k, 6:14] - 1)) for k in range(N)])
    assert (ours - x).abs().max() > 0.1
    torch.testing.assert_close(ours, expected, rtol=0, atol=1e-10)


@pytest.mark.parametrize("ranges", RANGES.values(), ids=RANGES)
def test_the_pull_comes_on_top_of_the_affine_map(ranges: Any) -> None:
    x, u = images(), draws()
    affine_only = RandomAffine(**ranges)
    assert torch.equal(RandomWarp(**ranges, pull=0).augment(x, u, -0.4), affine_only.augment(x, u, -0.4))

    def grid(method: RandomAffine) -> Tensor:
        return method.field(u, 28, 28).grid(x)

    moved = grid(RandomWarp(**ranges, pull=1.0)) - grid(affine_only)
    torch.testing.assert_close(moved, grid(RandomWarp(0, pull=1.0)) - grid(RandomAffine(0)))


def test_an_image_is_warped_alike_in_any_company() -> None:
    x, u, warp = images(), draws(), RandomWarp(**RANGES["all"], pull=1.5)
    whole = warp.augment(x, u, -0.4)
    alone = torch.cat([warp.augment(x[k : k + 1], u[k : k + 1], -0.4) for k in range(N)])
    assert torch.equal(alone, whole)


@pytest.mark.parametrize("pull", [-0.5, float("nan"), float("inf")])
def test_pulls_that_cannot_be(pull: float) -> None:
    with pytest.raises(ValueError, match="pull must be a finite number of pixels, 0 or more, not"):
        RandomWarp(10, pull=pull)


def test_faded_draws_end_in_the_middle() -> None:
    u = np.random.default_rng(0).random((6, 14))
    weaker = augment.faded(u, 98, (100, 102))
    assert np.array_equal(weaker[:3], u[:3])  # steps 98, 99 and 100
    assert weaker[3] == pytest.approx(0.5 + (u[3] - 0.5) / 2)
    assert (weaker[4:] == 0.5).all()
    x = images(28, 28)
    same = RandomWarp(10, scale=(0.9, 1.1), shear=(-5, 5, -5, 5), pull=2).augment(x[:1], weaker[5:], 0.0)
    torch.testing.assert_close(same, x[:1], rtol=0, atol=1e-5)

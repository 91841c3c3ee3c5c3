"""Tests of the pictures: what is in their axes, and that all else is left as it is."""

import copy
import math
import subprocess
import sys
from dataclasses import dataclass, field

import matplotlib
import numpy as np
import pytest
from IPython.core.formatters import DisplayFormatter
from matplotlib.colors import to_hex
from matplotlib.contour import ContourSet
from matplotlib.figure import Figure

from micrograd_bp import MLP, Value, no_grad, plots
from micrograd_bp.data import make_moons
from micrograd_bp.losses import squared_error
from micrograd_bp.plots import (
    NEGATIVE,
    POSITIVE,
    animation,
    decision_boundary,
    gradient_flow,
    histograms,
    images,
    loss_curves,
)


@dataclass
class History:
    loss: list = field(default_factory=list)
    accuracy: list = field(default_factory=list)
    validation_loss: list = field(default_factory=list)
    validation_accuracy: list = field(default_factory=list)


def lines(panel):
    return {line.get_label(): line for line in panel.get_lines()}


def told(figure):
    """What the legend says."""
    return [text.get_text() for legend in figure.legends for text in legend.get_texts()]


def clouds(panel):
    """The points by their label."""
    return {
        c.get_label(): c.get_offsets().tolist() for c in panel.collections if len(c.get_offsets())
    }


# ------------------------------------------------------------------ all of them

X, Y = make_moons(30, seed=1)
MODEL = MLP(2, [4, 1], activation="tanh", seed=1)
FRAMES = [("start", [0.0] * len(MODEL.parameters())), ("end", [p.data for p in MODEL.parameters()])]
PICTURES = {
    "loss_curves": lambda: loss_curves(History([1.0, 0.5], [0.5, 0.75], [1.0, 0.75], [0.5, 0.5])),
    "decision_boundary": lambda: decision_boundary(MODEL, X, Y, resolution=8),
    "histograms": lambda: histograms(MODEL, X),
    "gradient_flow": lambda: gradient_flow(MODEL, X, Y, squared_error),
    "images": lambda: images([[0.1] * 64] * 3, [*"abc"]),
}


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure(name, tmp_path):
    figure = PICTURES[name]()
    assert isinstance(figure, Figure)
    for suffix in ("svg", "pdf"):
        figure.savefig(tmp_path / f"a.{suffix}")
        assert (tmp_path / f"a.{suffix}").stat().st_size > 2000


@pytest.mark.parametrize("name", PICTURES)
def test_a_figure_shows_itself_in_a_notebook(name):
    figure = PICTURES[name]()
    data, metadata = DisplayFormatter().format(figure)
    assert {*data} == {"image/png", "text/plain"}
    assert data["image/png"].startswith("iVBOR")
    width, height = figure.get_size_inches() * 100
    assert metadata["image/png"] == {"width": round(width), "height": round(height)}
    assert data["text/plain"] == repr(figure)
    assert repr(figure).startswith(f"<Figure size {width:g}x{height:g} with ")


def test_the_same_picture_again():
    once, again = (PICTURES["decision_boundary"]()._repr_mimebundle_() for _ in range(2))
    assert once == again


def test_nothing_is_chosen_or_changed_for_others():
    code = """
import matplotlib, sys
before = matplotlib.rcParams.copy()
from micrograd_bp import MLP, plots
from micrograd_bp.data import xor
from micrograd_bp.losses import squared_error
model = MLP(2, [2, 1], seed=0)
frames = [("a", [p.data for p in model.parameters()])]
for figure in (
    plots.decision_boundary(model, *xor(), resolution=4),
    plots.histograms(model, xor()[0]),
    plots.gradient_flow(model, *xor(), squared_error),
):
    figure._repr_mimebundle_()
plots.animation(model, frames, *xor(), resolution=4).gif()
assert dict.__eq__(matplotlib.rcParams, before)  # == would choose a backend
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=60)


def test_importing_needs_no_matplotlib():
    code = "import sys; import micrograd_bp.plots; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


@pytest.mark.parametrize("name", PICTURES)
def test_without_matplotlib(name, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    plots._figure.cache_clear()
    with pytest.raises(ImportError, match=r"pip install 'micrograd_bp\[train\]'"):
        PICTURES[name]()


@pytest.mark.parametrize("name", ["decision_boundary", "histograms", "gradient_flow", "animation"])
def test_model_and_gradients_are_left_alone(name):
    model = copy.deepcopy(MODEL)
    for k, p in enumerate(model.parameters()):
        p.grad = float(k)
    before = [(p.data, p.grad) for p in model.parameters()]
    {
        "decision_boundary": lambda: decision_boundary(model, X, Y, resolution=3),
        "histograms": lambda: histograms(model, X),
        "gradient_flow": lambda: gradient_flow(model, X, Y, squared_error),
        "animation": lambda: animation(model, FRAMES, X, Y, resolution=3),
    }[name]()
    assert [(p.data, p.grad) for p in model.parameters()] == before


def test_a_style_of_ones_own_leaves_the_pictures_legible():
    with matplotlib.rc_context({"axes.facecolor": "black", "figure.facecolor": "black"}):
        figure = PICTURES["histograms"]()
    assert to_hex(figure.get_facecolor()) == "#ffffff"
    assert {to_hex(panel.get_facecolor()) for panel in figure.axes} == {"#ffffff"}


# ------------------------------------------------------------------ loss by epoch


def test_loss_curves():
    history = History([1.0, 0.5, 0.25], [0.5, 0.75, 1.0], [1.0, 0.4, 0.6], [0.5, 0.6, 0.7])
    figure = loss_curves(history)
    loss, accuracy = figure.axes
    assert (loss.get_title(loc="left"), accuracy.get_title(loc="left")) == ("loss", "accuracy")
    for panel, train, held in (
        (loss, history.loss, history.validation_loss),
        (accuracy, history.accuracy, history.validation_accuracy),
    ):
        drawn = lines(panel)
        assert drawn["training"].get_xydata().tolist() == [[k, v] for k, v in enumerate(train, 1)]
        assert drawn["validation"].get_xydata().tolist() == [[k, v] for k, v in enumerate(held, 1)]
        assert drawn["lowest validation loss (epoch 2)"].get_xdata() == [2, 2]
        assert panel.get_xlabel() == "epoch"
        assert panel.get_yscale() == "linear"
    assert told(figure) == ["training", "validation", "lowest validation loss (epoch 2)"]


@pytest.mark.parametrize("accuracy", [[], [0.5] * 1000])
def test_the_legend_of_loss_curves_is_in_the_figure(accuracy):
    figure = loss_curves(History([1.0] * 1000, accuracy, [1.0] * 999 + [0.5], accuracy))
    figure.draw_without_rendering()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.width


def test_loss_curves_of_what_there_is():
    figure = loss_curves(History([1.0, 0.5]))
    assert len(figure.axes) == 1
    assert told(figure) == ["training"]
    figure = loss_curves(History([1.0, 0.5], [], [1.0, 0.5]))
    assert len(figure.axes) == 1


def test_one_epoch_is_a_dot():
    panel = loss_curves(History([0.5])).axes[0]
    assert panel.get_lines()[0].get_marker() == "o"
    assert [tick for tick in panel.get_xticks() if 0.5 <= tick <= 1.5] == [1.0]


@pytest.mark.parametrize(
    ("losses", "scale"),
    [([1.0, 0.021], "linear"), ([1.0, 0.019], "log"), ([1.0, 0.0], "linear"), ([0.0], "linear")],
)
def test_the_scale_of_the_loss(losses, scale):
    assert loss_curves(History(losses)).axes[0].get_yscale() == scale


def test_no_epochs():
    with pytest.raises(ValueError, match="a history of at least 1 epoch, got an empty one"):
        loss_curves(History())


# ------------------------------------------------------------------ decision boundary

POINTS = [[-1.0, 0.0], [1.0, 2.0], [0.5, 1.0], [-0.5, 0.5]]


def linear(*arrays, **options):
    """z = w·x + b, of as many outputs as there are arrays."""
    rows, biases = zip(*arrays)
    return MLP.from_arrays([([*rows], [*biases])], **options)


def boundary(panel):
    """The corners of the lines that were contoured."""
    (contour,) = [c for c in panel.collections if isinstance(c, ContourSet) and not c.filled]
    return [corner for path in contour.get_paths() for corner in path.vertices.tolist()]


@pytest.mark.parametrize(
    ("output", "name", "label"),
    [
        ("linear", "z", "$z^{(1)}$ = 0"),
        ("tanh", "a", "$a^{(1)}$ = 0"),
        ("sigmoid", "a", "$a^{(1)}$ = 0.5"),
    ],
)
def test_the_boundary_is_where_the_output_decides(output, name, label):
    model = linear(([2.0, 0.0], -0.5), output_activation=output)
    figure = decision_boundary(model, POINTS, [0, 1, 1, 0])
    panel, bar = figure.axes[0], figure.axes[0].child_axes[0]
    assert {round(x, 3) for x, _ in boundary(panel)} == {0.25}
    assert label in told(figure)
    assert bar.get_ylabel() == f"output ${name}^{{(1)}}$"
    assert panel.get_title(loc="left") == "4 of 4 right"
    assert (panel.get_xlabel(), panel.get_ylabel()) == ("$x_1$", "$x_2$")


def test_a_network_that_went_astray_is_drawn():
    model = MLP.from_arrays([([[1e299, -1e300]], [0.0])])
    decision_boundary(model, X, Y).draw_without_rendering()


def test_the_plane_is_not_on_its_side():
    figure = decision_boundary(linear(([0.0, 1.0], -1.5)), POINTS, [0, 1, 0, 0])
    assert {round(y, 3) for _, y in boundary(figure.axes[0])} == {1.5}


@pytest.mark.parametrize(("low", "high", "name"), [(0, 1, "class 0"), (-1, 1, "class −1")])
def test_points_by_class_and_those_that_are_wrong(low, high, name):
    y = [low, high, low, high]
    figure = decision_boundary(linear(([1.0, 0.0], 0.0)), POINTS, y)
    found = clouds(figure.axes[0])
    assert found[name] == [POINTS[0], POINTS[2]]
    assert found[f"class {high}"] == [POINTS[1], POINTS[3]]
    assert found["wrong (2)"] == [POINTS[2], POINTS[3]]
    assert figure.axes[0].get_title(loc="left") == "2 of 4 right"
    assert told(figure) == ["$z^{(1)}$ = 0", name, f"class {high}", "wrong (2)"]


def test_three_classes():
    model = linear(([1.0, 0.0], 0.0), ([-1.0, 0.0], 0.0), ([0.0, 5.0], -5.0))
    figure = decision_boundary(model, POINTS, [1, 2, 0, 1])
    assert figure.axes[0].get_title(loc="left") == "4 of 4 right"
    assert told(figure) == ["class 0", "class 1", "class 2", "wrong (0)"]


@pytest.mark.parametrize("b", [-100.0, 0.0])
def test_a_class_that_never_leads(b):
    model = linear(([1.0, 0.0], 0.0), ([-1.0, 0.0], 0.0), ([0.0, 0.0], b))
    figure = decision_boundary(model, POINTS, [1, 2, 0, 1], resolution=5)
    assert figure.axes[0].get_title(loc="left") == "3 of 4 right"


@pytest.mark.parametrize(("output", "extend"), [("linear", "both"), ("sigmoid", "neither")])
def test_a_sigmoid_has_no_colours_beyond_0_and_1(output, extend):
    model = linear(([1.0, 0.0], 0.0), output_activation=output)
    panel = decision_boundary(model, POINTS, [0, 1, 1, 0], resolution=5).axes[0]
    assert next(c.extend for c in panel.collections if isinstance(c, ContourSet)) == extend


def test_the_colours_end_where_most_points_do():
    bar = decision_boundary(linear(([10.0, 0.0], 0.0)), POINTS, [0, 1, 1, 0]).axes[0].child_axes[0]
    assert bar.get_ylim() == (-10.0, 10.0)
    for scale in (0.0, 1e-9, 1e9):
        decision_boundary(linear(([scale, 0.0], 0.0)), POINTS, [0, 1, 1, 0], resolution=3)


@pytest.mark.parametrize(("b", "right"), [(-1.0, 3), (0.0, 3), (1.0, 1)])
@pytest.mark.parametrize("output", ["linear", "sigmoid"])
def test_a_network_that_answers_the_same_everywhere(output, b, right):
    model = linear(([0.0, 0.0], b), output_activation=output)
    figure = decision_boundary(model, POINTS, [0, 0, 0, 1], resolution=5)
    assert figure.axes[0].get_title(loc="left") == f"{right} of 4 right"


def test_one_point():
    figure = decision_boundary(linear(([1.0, 0.0], 0.0)), [[3.0, 3.0]], [1])
    assert figure.axes[0].get_title(loc="left") == "1 of 1 right"


def test_a_model_that_is_any_function():
    def model(x):
        difference = Value(x[0]) - x[1]
        assert difference.parents == ()  # nothing is recorded
        return difference

    figure = decision_boundary(model, POINTS, [0, 0, 0, 0], resolution=5)
    assert figure.axes[0].child_axes[0].get_ylabel() == "output of the model"


def test_equal_scales_where_they_compare():
    model = linear(([1.0, 0.0], 0.0))
    assert decision_boundary(model, POINTS, [0, 0, 0, 0]).axes[0].get_aspect() == 1.0
    wide = [[1000 * a, b] for a, b in POINTS]
    assert decision_boundary(model, wide, [0, 0, 0, 0]).axes[0].get_aspect() == "auto"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([], []), {}, "expected points, got none"),
        ((POINTS, [0, 1]), {}, "boundary: expected a label for each of 4 points, got 2"),
        (([[1.0, 2.0, 3.0]], [0]), {}, "expected 2 inputs, got rows of 3"),
        (([[1.0]], [0]), {}, "expected 2 inputs, got rows of 1"),
        (([[math.nan, 1.0]], [0]), {}, r"expected finite points, got \[nan, 1\.0\]"),
        ((POINTS, [0, 1, 2, 0]), {}, "expected labels 0, 1 for 1 output, got 2"),
        ((POINTS, [-1, 1, 0, 1]), {}, "expected labels -1, 1 for 1 output, got 0"),
        ((POINTS, [0, 1, 0.5, 1]), {}, r"expected labels 0, 1 for 1 output, got 0\.5"),
        (
            (POINTS, [0, 1, 0, 1]),
            {"resolution": 1},
            "resolution = 1: expected a whole number from 2 on",
        ),
    ],
)
def test_mistakes_in_a_boundary(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        decision_boundary(linear(([1.0, 0.0], 0.0)), *arguments, **options)


def test_points_that_are_no_numbers():
    with pytest.raises(TypeError, match="point 1: expected a real number, got str"):
        decision_boundary(MODEL, [[0.0, 1.0], [0.0, "1"]], [0, 1])


def test_arrays():
    from_lists, from_arrays = (
        decision_boundary(MODEL, convert(X), convert(Y), resolution=4)._repr_mimebundle_()
        for convert in (list, np.array)
    )
    assert from_lists == from_arrays


def test_labels_that_the_outputs_do_not_have():
    model = linear(([1.0, 0.0], 0.0), ([0.0, 1.0], 0.0))
    with pytest.raises(ValueError, match="expected labels 0, 1 for 2 outputs, got -1"):
        decision_boundary(model, POINTS, [0, -1, 0, 1])


def test_a_network_of_other_than_2_inputs():
    with pytest.raises(ValueError, match="expected 3 inputs, got 2"):
        decision_boundary(MLP(3, [1], seed=0), POINTS, [0, 1, 0, 1])


# ------------------------------------------------------------------ layer by layer


def bars(panel):
    """(left edge, count, colour) of each bar that is not empty."""
    return [
        (round(b.get_x(), 9), b.get_height(), to_hex(b.get_facecolor()))
        for b in panel.patches
        if b.get_height()
    ]


def test_histograms():
    model = MLP.from_arrays([([[1.5, -0.1], [0.05, -1.5]], [9.0, 9.0]), ([2.0, -2.0], 0.0)])
    figure = histograms(model, [[0.0, 0.0], [1.0, 1.0]])
    (w1, w2), (a1, a2) = figure.axes[:2], figure.axes[2:]
    assert bars(w1) == [
        *((-1.5, 1.0, NEGATIVE), (-0.1, 1.0, NEGATIVE)),
        *((0.0, 1.0, POSITIVE), (1.4, 1.0, POSITIVE)),
    ]
    assert [sum(count for _, count, _ in bars(p)) for p in (w1, w2, a1, a2)] == [4, 2, 4, 2]
    assert [p.get_title(loc="left") for p in (w1, w2, a1, a2)] == [
        *("layer 1: 2 units, relu", "layer 2: 1 unit, linear"),
        *("", ""),
    ]
    assert [p.get_xlabel() for p in (w1, w2, a1, a2)] == [
        *("weights $W^{(1)}$", "weights $w^{(2)}$"),
        *("activations $a^{(1)}$", "outputs $z^{(2)}$"),
    ]


def test_what_keeps_gradients_from_passing():
    rows = [[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]]
    model = MLP.from_arrays([(rows, [0.0] * 3), ([1.0] * 3, 0.0)], output_activation="tanh")
    X = [[1.0, 1.0], [1.0, -1.0], [99.0, 1.0], [1.0, 1.0]]
    below = histograms(model, X).axes[2]
    assert below.get_title(loc="left") == "42% inactive\n1 of 3 units dead"
    assert sum(count for _, count, _ in bars(below)) == 7  # those at 0 are not drawn
    assert histograms(model, X).axes[3].get_title(loc="left") == "25% saturated"


def test_histograms_under_no_grad():
    model = linear(([1.0, 1.0], -3.0), output_activation="relu")
    with no_grad():
        panel = histograms(model, [[0.0, 0.0]]).axes[1]
    assert panel.get_title(loc="left") == "100% inactive\n1 of 1 units dead"


def test_gradient_flow():
    model = MLP(2, [3, 2, 1], activation="sigmoid", seed=2)
    panel = gradient_flow(model, X, Y, squared_error).axes[0]
    twin = copy.deepcopy(model)
    (sum(squared_error(twin(x), t) for x, t in zip(X, Y)) / len(X)).backward()
    sizes = [[abs(w.grad) for neuron in layer.neurons for w in neuron.w] for layer in twin.layers]
    found = [[*map(list, c.get_offsets())] for c in panel.collections if len(c.get_offsets())]
    assert [[size for _, size in dots] for dots in found] == [
        pytest.approx(own, rel=1e-12) for own in sizes
    ]
    for m, dots in enumerate(found, 1):
        assert all(abs(place - m) < 0.3 for place, _ in dots)
    means = [math.sqrt(sum(size**2 for size in own) / len(own)) for own in sizes]
    assert lines(panel)["root mean square"].get_xydata().tolist() == [
        [m, pytest.approx(mean)] for m, mean in enumerate(means, 1)
    ]
    assert panel.get_yscale() == "log"
    assert [text.get_text() for text in panel.get_xticklabels()] == [
        *("$W^{(1)}$\nsigmoid", "$W^{(2)}$\nsigmoid", "$w^{(3)}$\nlinear"),
    ]
    assert panel.get_ylabel() == r"$|\partial C/\partial W_{ij}|$"


def test_derivatives_that_are_0_are_counted():
    model = MLP.from_arrays([([[1.0, 1.0], [-1.0, -1.0]], [0.0, 0.0]), ([1.0, 1.0], 0.0)])
    panel = gradient_flow(model, [[1.0, 2.0]], [0.0], squared_error).axes[0]
    assert [text.get_text() for text in panel.get_xticklabels()] == [
        *("$W^{(1)}$\nrelu\n50% are 0", "$w^{(2)}$\nlinear\n50% are 0"),
    ]
    with no_grad():
        panel = gradient_flow(model, [[0.0, 0.0]], [0.0], squared_error).axes[0]
    assert panel.get_yscale() == "linear"
    assert "100% are 0" in panel.get_xticklabels()[0].get_text()


@pytest.mark.parametrize("model", [Value(1.0), lambda x: x[0], None])
def test_layers_are_those_of_an_mlp(model):
    with pytest.raises(TypeError, match="histograms: expected an MLP, got"):
        histograms(model, X)
    with pytest.raises(TypeError, match="gradient_flow: expected an MLP, got"):
        gradient_flow(model, X, Y, squared_error)


def test_no_rows():
    with pytest.raises(ValueError, match="histograms: expected rows of inputs, got none"):
        histograms(MODEL, [])
    with pytest.raises(ValueError, match="got 0 rows and 0 targets"):
        gradient_flow(MODEL, [], [], squared_error)
    with pytest.raises(ValueError, match="got 30 rows and 1 targets"):
        gradient_flow(MODEL, X, [1], squared_error)


# ------------------------------------------------------------------ rows as images


def shown(panel):
    """The pixels, and the numbers for the ends of the colours."""
    (image,) = panel.get_images()
    return image.get_array().tolist(), image.get_clim()


def test_images():
    figure = images([[0.0, 0.5, 0.25, 1.0, 0.0, 2.0], [0.0] * 6], ["a", "b"], width=3)
    one, two = figure.axes
    assert shown(one) == ([[0.0, 0.5, 0.25], [1.0, 0.0, 2.0]], (0.0, 2.0))
    assert shown(two) == ([[0.0] * 3] * 2, (0.0, 2.0))
    assert [panel.get_title() for panel in figure.axes] == ["a", "b"]
    assert one.get_images()[0].get_cmap().name == "gray_r"


def test_images_of_weights():
    panel = images([[0.0, -3.0, 2.0, 1.0]], width=2).axes[0]
    assert shown(panel) == ([[0.0, -3.0], [2.0, 1.0]], (-3.0, 3.0))
    low, zero, high = (to_hex(panel.get_images()[0].to_rgba(x)) for x in (-3.0, 0.0, 3.0))
    assert (low, zero, high) == ("#f0a03c", "#feffff", "#69aae1")


def test_images_in_lines():
    figure = images([[0.0]] * 5, width=1, columns=3)
    assert len(figure.axes) == 6
    assert [len(panel.get_images()) for panel in figure.axes] == [1, 1, 1, 1, 1, 0]
    assert not any(panel.axison for panel in figure.axes)
    assert len(images([[0.0]] * 2, width=1).axes) == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([],), "images: expected rows of pixels, got none"),
        (([[0.0] * 8, [0.0] * 9],), "expected lines of 8 pixels, got a row of 9"),
        (([[]],), "expected lines of 8 pixels, got a row of 0"),
        (([[0.0] * 8] * 2, ["a"]), "expected a title for each of 2, got 1"),
    ],
)
def test_mistakes_in_images(arguments, message):
    with pytest.raises(ValueError, match=message):
        images(*arguments)


# ------------------------------------------------------------------ a film


def test_animation():
    film = animation(MODEL, [*FRAMES, FRAMES[0]], X, Y, resolution=8, milliseconds=70)
    assert film.titles == ["start", "end", "start"]
    assert film.milliseconds == 70
    assert film.images[0] == film.images[2] != film.images[1]
    assert repr(film) == "Film(3 frames)"


def test_all_frames_have_the_colours_of_the_last(monkeypatch):
    limits = []
    draw = plots._Plane.draw
    monkeypatch.setattr(
        plots._Plane,
        "draw",
        lambda self, m, limit, t: limits.append(limit) or draw(self, m, limit, t),
    )
    model = linear(([1.0, 0.0], 0.0))
    animation(model, [("a", [1.0, 0.0, 0.0]), ("b", [7.0, 0.0, 0.0])], POINTS, [0, 1, 1, 0])
    assert limits == [7.0, 7.0]


def test_the_model_is_as_before_when_a_frame_fails():
    model = linear(([1.0, 0.0], 0.0), output_activation="exp")
    with pytest.raises(OverflowError):
        animation(model, [("a", [1e5, 0.0, 0.0]), ("b", [0.0] * 3)], POINTS, [0, 1, 1, 0])
    assert [p.data for p in model.parameters()] == [1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "expected at least 1 frame, got none"),
        (
            [("epoch 1", [0.0] * 3)],
            "frame 'epoch 1': expected a number for each of the model's 17 parameters, got 3",
        ),
    ],
)
def test_mistakes_in_frames(frames, message):
    with pytest.raises(ValueError, match=message):
        animation(MODEL, frames, X, Y)

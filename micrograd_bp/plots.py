"""Pictures of training: loss by epoch, decision boundary, layer by layer, images, a film.

>>> from micrograd_bp import MLP
>>> from micrograd_bp.data import make_moons
>>> X, y = make_moons(60, seed=1)
>>> model = MLP(2, [4, 1], activation="tanh", seed=1)
>>> decision_boundary(model, X, y)
<Figure size 560x320 with 1 Axes>

Each picture is a `matplotlib.figure.Figure` of its own, made without pyplot: no backend is chosen,
no window opens, no setting changes. As the last line of a notebook's cell it shows itself; else
`figure.savefig("moons.png")` (or .svg, .pdf). They need `pip install 'micrograd_bp[train]'`.

Orange is negative and blue positive, as in drawings of a graph.
"""

import base64
import io
import math
from collections import Counter
from collections.abc import Callable, Sequence
from functools import cache
from itertools import cycle
from typing import TYPE_CHECKING, Any

from micrograd_bp.engine import Value, grad, no_grad
from micrograd_bp.film import Film
from micrograd_bp.nn import MLP, Layer, tex
from micrograd_bp.picture import LIGHT, state
from micrograd_bp.recording import with_recording
from micrograd_bp.table import number, whole

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK, QUIET, GRID = LIGHT.ink, LIGHT.quiet, "#e6e6e6"
NEGATIVE, POSITIVE = LIGHT.lit["first"], LIGHT.lit["second"]
CLASSES = (NEGATIVE, POSITIVE, "#00795c", LIGHT.lit["shared"], "#8a6d00", "#3aa0d8", INK, QUIET)
MARKERS = "o^sDvPX*"


@cache
def _figure() -> Any:
    """matplotlib's Figure, but one that any notebook shows by itself, in twice its resolution."""
    try:
        from matplotlib import figure
    except ImportError:
        raise ImportError(
            "pictures of training need matplotlib: pip install 'micrograd_bp[train]'"
        ) from None

    class Figure(figure.Figure):
        def _repr_mimebundle_(self, *_: Any, **__: Any) -> tuple[dict[str, Any], dict[str, Any]]:
            width, height = (round(inches * self.dpi) for inches in self.get_size_inches())
            png = base64.b64encode(_png(self, 2 * self.dpi)).decode()
            shown = {"image/png": {"width": width, "height": height}}
            return {"image/png": png, "text/plain": repr(self)}, shown

    return Figure


def _png(figure: Any, dpi: float) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=dpi, metadata={"Software": None})
    return buffer.getvalue()


def _panels(width: float, height: float, rows: int = 1, columns: int = 1) -> tuple["Figure", Any]:
    """A figure of so many inches with its axes, drawn quietly."""
    figure = _figure()(figsize=(width, height), dpi=100, layout="constrained", facecolor="white")
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.08)
    panels = figure.subplots(rows, columns, squeeze=False)
    for panel in panels.flat:
        panel.set_facecolor("white")
        panel.spines[["top", "right"]].set_visible(False)
        panel.spines[["left", "bottom"]].set_color(LIGHT.line)
        panel.tick_params(colors=QUIET, labelsize=9)
        for axis in (panel.xaxis, panel.yaxis):
            axis.label.set(color=INK, size=10)
        panel.grid(False)
    return figure, panels


def _shades() -> Any:
    """From orange by white to blue."""
    from matplotlib.colors import LinearSegmentedColormap

    ends = [[c / 255 for c in rgb] for rgb in (LIGHT.negative, LIGHT.zero, LIGHT.positive)]
    return LinearSegmentedColormap.from_list("", ends)


def _title(panel: Any, text: str) -> None:
    panel.set_title(text, loc="left", color=INK, fontsize=11)


# ------------------------------------------------------------------ loss by epoch


def loss_curves(history: Any) -> "Figure":
    """Loss and accuracy by epoch: of the training data, and of those held back where there are any.

    `history` is what `fit` returns, or any record with the lists `loss`, `accuracy`,
    `validation_loss` and `validation_accuracy`, a number for each epoch; all but the first may be
    empty. A loss that falls to less than a fiftieth is drawn on a logarithmic scale. A dotted line
    stands at the lowest validation loss. Errors: ValueError for a history without epochs.

    >>> from micrograd_bp import fit
    >>> from micrograd_bp.losses import hinge
    >>> loss_curves(fit(MLP(1, [1]), [[1.0], [-1.0]], [1, -1], loss=hinge, epochs=3))
    <Figure size 840x320 with 2 Axes>
    """
    curves = [
        ("loss", history.loss, history.validation_loss),
        ("accuracy", history.accuracy, history.validation_accuracy),
    ]
    if not history.loss:
        raise ValueError("loss_curves: expected a history of at least 1 epoch, got an empty one")
    curves = [curve for curve in curves if any(curve[1:])]
    figure, panels = _panels(max(4.2 * len(curves), 5.6), 3.2, 1, len(curves))
    for panel, (name, train, held) in zip(panels.flat, curves):
        for label, values, colour, style in (
            ("training", train, POSITIVE, "-"),
            ("validation", held, NEGATIVE, "--"),
        ):
            if values:
                marker = "o" if len(values) < 2 else None
                epochs = range(1, len(values) + 1)
                panel.plot(epochs, values, style, marker=marker, color=colour, lw=1.8, label=label)
        panel.set(xlabel="epoch", xlim=(0.5, max(len(train), len(held)) + 0.5))
        panel.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        _title(panel, name)
        everything = [*train, *held]
        if name == "accuracy":
            panel.yaxis.set_major_formatter("{x:.0%}")
            panel.set_ylim(top=1.0 + 0.04 * (1.0 - min(everything)) + 1e-3)
        elif min(everything) > 0 and max(everything) > 50 * min(everything):
            panel.set_yscale("log")
        panel.grid(axis="y", color=GRID, lw=0.8)
        panel.set_axisbelow(True)
    if history.validation_loss:
        best = min(range(len(history.validation_loss)), key=history.validation_loss.__getitem__)
        for panel in panels.flat:
            label = f"lowest validation loss (epoch {best + 1})"
            panel.axvline(best + 1, color=QUIET, ls=":", lw=1.2, label=label)
    _legend(figure, panels[0, 0])
    return figure


def _legend(figure: Any, panel: Any) -> None:
    """What is in a panel, in a line below the figure."""
    handles, labels = panel.get_legend_handles_labels()
    figure.legend(
        handles, labels, loc="outside lower center", ncols=len(labels), frameon=False, fontsize=9,
        labelcolor=INK, handletextpad=0.5, columnspacing=1.6,
    )  # fmt: skip


# ------------------------------------------------------------------ decision boundary


def decision_boundary(
    model: Any, X: Sequence[Sequence[float]], y: Sequence[int], *, resolution: int = 70
) -> "Figure":
    """What a network of 2 inputs answers all over the plane, with the points of X in their classes.

    With one output, y is 0 and 1, or −1 and 1; the colour is the output, and the black line is
    where it decides: at 0, or at ½ for a sigmoid. With k outputs, y is 0 … k−1, and the colour is
    that of the greatest output. Points on the wrong side are ringed. The network is computed at
    `resolution`² points, and drawn smoothly between them.

    Errors: ValueError for no points, rows that are not 2 wide, X and y of different lengths, or a
    label that the outputs do not have.
    """
    plane = _Plane(X, y, resolution)
    return plane.draw(model, plane.limit(model), "")


class _Plane:
    """The points, and the grid about them on which networks are computed."""

    def __init__(self, X: Sequence[Sequence[float]], y: Sequence[int], resolution: int) -> None:
        if len(X) != len(y):
            raise ValueError(
                f"decision_boundary: expected a label for each of {len(X)} points, got {len(y)}"
            )
        if not len(X):
            raise ValueError("decision_boundary: expected points, got none")
        if wrong := [len(row) for row in X if len(row) != 2]:
            raise ValueError(f"decision_boundary: expected 2 inputs, got rows of {wrong[0]}")
        self.X = [[number(x, f"point {k}") for x in row] for k, row in enumerate(X)]
        if bad := [row for row in self.X if not all(map(math.isfinite, row))]:
            raise ValueError(f"decision_boundary: expected finite points, got {bad[0]}")
        self.y = y
        count = whole(resolution, "resolution", 2)
        self.xs, self.ys = (_stretch(column, count) for column in _columns(self.X))

    def limit(self, model: Any) -> float:
        """How far from the threshold the colours end: most points lie within."""
        threshold, _ = _decision(model)
        margins = sorted(abs(a[0] - threshold) for a in _outputs(model, self.X))
        far = margins[3 * len(margins) // 4]  # contourf ends at 1e250
        return 0.5 if threshold else min(float(f"{far:.1g}") or 1.0, 1e200)

    def draw(self, model: Any, limit: float, title: str) -> "Figure":
        ratio = (self.xs[-1] - self.xs[0]) / (self.ys[-1] - self.ys[0])
        equal = 0.6 < ratio < 2.5
        figure, [[panel]] = _panels(5.6, round(1.1 + 4.2 / (ratio if equal else 1.5), 1))
        answers = _outputs(model, self.X)
        grid = _outputs(model, [[a, b] for b in self.ys for a in self.xs])
        if len(answers[0]) == 1:
            threshold, name = _decision(model)
            chosen = [int(answer[0] > threshold) for answer in answers]
            surface = self._rows([answer[0] for answer in grid])
            self._shade(figure, panel, surface, threshold, limit, name)
        else:
            chosen = [answer.index(max(answer)) for answer in answers]
            for k, colour in zip(range(len(answers[0])), cycle(CLASSES)):
                lead = [answer[k] - max(answer[:k] + answer[k + 1 :]) for answer in grid]
                self._region(panel, self._rows(lead), colour)
        right = self._points(panel, chosen, len(answers[0]))
        panel.set(xlabel="$x_1$", ylabel="$x_2$")
        panel.set_aspect("equal" if equal else "auto")
        panel.locator_params(nbins=6)
        _title(panel, title or f"{right:,} of {len(self.X):,} right")
        _legend(figure, panel)
        return figure

    def _rows(self, values: Sequence[float]) -> list[Sequence[float]]:
        width = len(self.xs)
        return [values[k : k + width] for k in range(0, len(values), width)]

    def _shade(
        self, figure: Any, panel: Any, surface: Any, threshold: float, limit: float, name: str
    ) -> None:
        """The plane from orange to blue, and the line between them."""
        levels = [threshold + limit * k / 8 for k in range(-8, 9)]
        extend = "neither" if threshold else "both"
        filled = panel.contourf(
            self.xs, self.ys, surface, levels=levels, cmap=_shades(), extend=extend
        )
        place = panel.inset_axes((1.03, 0.0, 0.04, 1.0))
        bar = figure.colorbar(filled, cax=place, ticks=levels[::4])
        bar.set_label(f"output {name}", color=INK, fontsize=10)
        bar.ax.tick_params(colors=QUIET, labelsize=9)
        bar.outline.set_visible(False)
        if min(map(min, surface)) < threshold < max(map(max, surface)):
            panel.contour(self.xs, self.ys, surface, levels=[threshold], colors=INK, linewidths=1.6)
        panel.plot([], [], color=INK, lw=1.6, label=f"{name} = {threshold:g}")

    def _region(self, panel: Any, lead: Any, colour: str) -> None:
        """Where one class leads."""
        greatest = max(map(max, lead))
        if greatest > 0:
            panel.contourf(
                self.xs, self.ys, lead, levels=[0.0, greatest], colors=[colour], alpha=0.3
            )
            if min(map(min, lead)) < 0:
                panel.contour(self.xs, self.ys, lead, levels=[0.0], colors=INK, linewidths=1.0)

    def _points(self, panel: Any, chosen: Sequence[int], outputs: int) -> int:
        """The points by class, those that are wrong ringed; how many are right."""
        known = [*range(outputs)] if outputs > 1 else [-1, 1] if -1 in self.y else [0, 1]
        if unknown := [label for label in self.y if label not in known]:
            raise ValueError(
                f"decision_boundary: expected labels {', '.join(map(str, known))} for "
                f"{outputs} output{'s' * (outputs > 1)}, got {unknown[0]}"
            )
        size = 30 if len(self.X) <= 300 else 12
        style = {"edgecolors": "white", "linewidths": 0.7, "s": size}
        for label, colour, marker in zip(known, cycle(CLASSES), cycle(MARKERS)):
            xs, ys = _columns([row for row, own in zip(self.X, self.y) if own == label])
            name = f"class {label}".replace("-", "−")
            panel.scatter(xs, ys, c=colour, marker=marker, label=name, **style)
        wrong = [row for row, label, k in zip(self.X, self.y, chosen) if label != known[k]]
        style = {"edgecolors": INK, "facecolors": "none", "linewidths": 1.1, "s": 4 * size}
        panel.scatter(*_columns(wrong), label=f"wrong ({len(wrong):,})", **style)
        return len(self.X) - len(wrong)


def _columns(rows: Sequence[Sequence[float]]) -> tuple[list[float], list[float]]:
    return [a for a, _ in rows], [b for _, b in rows]


def _outputs(model: Any, X: Sequence[Sequence[float]]) -> list[list[float]]:
    """A list of outputs for each row."""
    with no_grad():
        answers = [model(row) for row in X]
    return [[*map(float, a)] if isinstance(a, list) else [float(a)] for a in answers]


def _decision(model: Any) -> tuple[float, str]:
    """Where a network of one output decides, and what the output is called."""
    if not isinstance(model, MLP):
        return 0.0, "of the model"
    activation = model.layers[-1].neurons[0].activation
    name = tex("z" if activation == "linear" else "a", len(model.layers))
    return 0.5 if activation == "sigmoid" else 0.0, f"${name}$"


def _stretch(column: Sequence[float], count: int) -> list[float]:
    """So many numbers, evenly from below the least to above the greatest."""
    low, high = min(column), max(column)
    margin = 0.08 * (high - low) or 1.0
    low, high = low - margin, high + margin
    return [low + (high - low) * k / (count - 1) for k in range(count)]


# ------------------------------------------------------------------ layer by layer


def histograms(model: MLP, X: Sequence[Sequence[float]]) -> "Figure":
    """The weights of each layer, and its activations at the rows of X.

    Below the activations stands what keeps gradients from passing: the share of them that are
    inactive (a ReLU at 0; not drawn) or saturated (a slope below a hundredth of the steepest), and
    the units that are dead, that is inactive at every row. Errors: TypeError for what is no MLP,
    ValueError for no rows.

    >>> histograms(MLP(2, [3, 1], seed=1), [[0.5, -1.0], [2.0, 0.0]])
    <Figure size 500x460 with 4 Axes>
    """
    layers = _layers("histograms", model)
    if not len(X):
        raise ValueError("histograms: expected rows of inputs, got none")
    seen = with_recording(_activations, model, X)
    figure, panels = _panels(max(2.5 * len(layers), 4.2), 4.6, 2, len(layers))
    for m, (layer, rows, (above, below)) in enumerate(zip(layers, seen, panels.T), 1):
        weights = [w.data for neuron in layer.neurons for w in neuron.w]
        _bars(above, weights, f"weights {_weights(m, layer)}")
        count = f"{len(layer.neurons)} unit{'s' * (len(layer.neurons) > 1)}"
        _title(above, f"layer {m}: {count}, {layer.neurons[0].activation}")
        nodes = [node for row in rows for node in row]
        states = Counter(held for _, held in nodes)
        drawn = [a for a, held in nodes if held != "inactive"]
        linear = layer.neurons[0].activation == "linear"
        what = "outputs" if m == len(layers) else "activations"
        _bars(below, drawn, f"{what} ${tex('z' if linear else 'a', m)}$")
        told = [f"{states[s] / len(nodes):.0%} {s}" for s in ("inactive", "saturated") if states[s]]
        dead = sum(all(held == "inactive" for _, held in unit) for unit in zip(*rows))
        told += [f"{dead} of {len(layer.neurons)} units dead"] if dead else []
        below.set_title("\n".join(told), loc="left", color=QUIET, fontsize=9)
    for row in panels:
        row[0].set_ylabel("how many", color=INK)
    return figure


def _layers(where: str, model: Any) -> list[Layer]:
    if not isinstance(model, MLP):
        raise TypeError(f"{where}: expected an MLP, got {type(model).__name__}")
    return model.layers


def _weights(m: int, layer: Layer) -> str:
    return f"${tex('W' if len(layer.neurons) > 1 else 'w', m)}$"


def _activations(model: MLP, X: Sequence[Any]) -> list[list[list[tuple[float, str]]]]:
    """By layer, row of X and unit: the activation, and what keeps gradients from passing."""
    seen: list[list[list[tuple[float, str]]]] = [[] for _ in model.layers]
    for x in X:
        for layer, rows in zip(model.layers, seen):
            out = layer(x)
            nodes = out if isinstance(out, list) else [out]
            rows.append([(node.data, state(node)) for node in nodes])
            x = [node.data for node in nodes]
    return seen


def _bars(panel: Any, values: Sequence[float], label: str) -> None:
    """A histogram whose bins meet at 0."""
    reach = max(map(abs, values), default=0.0) or 1.0
    for side, colour in (-1, NEGATIVE), (1, POSITIVE):
        edges = sorted(side * reach * k / 15 for k in range(16))
        ours = [v for v in values if (v >= 0) == (side > 0)]
        if ours:
            panel.hist(ours, bins=edges, color=colour, alpha=0.85, edgecolor="white", lw=0.4)
    panel.axvline(0.0, color=LIGHT.line, lw=0.8)
    panel.yaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
    panel.set_xlabel(label, color=INK)


def gradient_flow(
    model: MLP, X: Sequence[Sequence[float]], y: Sequence[Any], loss: Callable[[Any, Any], Value]
) -> "Figure":
    """The size of every weight's derivative, layer by layer, on a logarithmic scale.

    C is the mean of `loss(model(x), t)` over the rows of X and their targets y. A dot is
    |∂C/∂W_ij|, the line goes through their root mean squares: where it falls towards layer 1, the
    gradient vanishes on its way back; where it rises, it explodes. Below stands the share of
    weights whose derivative is 0, which have no place on the scale. No `.grad` is touched.
    Errors: TypeError for what is no MLP, ValueError for no rows, or X and y of different lengths.

    >>> from micrograd_bp.losses import hinge
    >>> gradient_flow(MLP(2, [3, 1], seed=1), [[0.5, -1.0], [2.0, 0.0]], [1, -1], hinge)
    <Figure size 420x360 with 1 Axes>
    """
    layers = _layers("gradient_flow", model)
    if not len(X) or len(X) != len(y):
        raise ValueError(
            "gradient_flow: expected rows with a target for each, "
            f"got {len(X)} rows and {len(y)} targets"
        )
    weights = [w for layer in layers for neuron in layer.neurons for w in neuron.w]
    total = [0.0] * len(weights)
    for x, target in zip(X, y):
        C = with_recording(lambda x=x, target=target: loss(model(x), target))
        total = [a + b for a, b in zip(total, grad(C, weights))]
    sizes = iter([abs(g) / len(X) for g in total])
    figure, [[panel]] = _panels(max(1.1 * len(layers) + 1.4, 4.2), 3.6)
    names, means = [], []
    for m, layer in enumerate(layers, 1):
        own = [next(sizes) for neuron in layer.neurons for _ in neuron.w]
        sizable = [*filter(None, own)]
        # a golden section apart, so that dots of a size stand side by side
        places = [m + 0.5 * (k * 0.618034 % 1.0 - 0.5) for k in range(len(sizable))]
        panel.scatter(places, sizable, s=12, c=POSITIVE, alpha=0.45, linewidths=0)
        means.append(math.hypot(*own) / math.sqrt(len(own)) or math.nan)
        zeros = f"\n{1 - len(sizable) / len(own):.0%} are 0" if len(sizable) < len(own) else ""
        names.append(f"{_weights(m, layer)}\n{layer.neurons[0].activation}{zeros}")
    panel.scatter([], [], s=12, c=POSITIVE, label="each weight")
    numbers = range(1, len(layers) + 1)
    panel.plot(numbers, means, "D-", color=NEGATIVE, ms=5, lw=1.8, label="root mean square")
    if any(mean > 0 for mean in means):
        panel.set_yscale("log")
    else:
        panel.set_yticks([])
    panel.set_xticks(numbers, names)
    panel.set_xlim(0.5, len(layers) + 0.5)
    panel.set_ylabel(r"$|\partial C/\partial W_{ij}|$", color=INK)
    panel.grid(axis="y", color=GRID, lw=0.8)
    panel.set_axisbelow(True)
    _legend(figure, panel)
    return figure


# ------------------------------------------------------------------ rows as images


def images(
    rows: Sequence[Sequence[float]], titles: Sequence[str] = (), *, width: int = 8, columns: int = 8
) -> "Figure":
    """Each row as an image, line by line of `width` pixels, with its title: digits, or weights.

    From white for 0 to ink for the greatest number of all rows; where some are negative, from
    orange to blue. Errors: ValueError for no rows, rows that are not lines of that width, or titles
    in another number than rows.

    >>> from micrograd_bp.data import load_digits
    >>> X, y = load_digits()
    >>> images(X[:10], [*map(str, y[:10])], columns=5)
    <Figure size 500x240 with 10 Axes>
    """
    if not len(rows):
        raise ValueError("images: expected rows of pixels, got none")
    if wrong := [len(row) for row in rows if not len(row) or len(row) % width]:
        raise ValueError(f"images: expected lines of {width} pixels, got a row of {wrong[0]}")
    if titles and len(titles) != len(rows):
        raise ValueError(f"images: expected a title for each of {len(rows)}, got {len(titles)}")
    columns = min(columns, len(rows))
    height = math.ceil(len(rows) / columns)
    figure, panels = _panels(1.0 * columns, (1.2 if titles else 1.0) * height, height, columns)
    least, greatest = min(map(min, rows)), max(max(map(abs, row)) for row in rows) or 1.0
    shades, lowest = (_shades(), -greatest) if least < 0 else ("gray_r", 0.0)
    for panel in panels.flat:
        panel.set_axis_off()
    for panel, row, title in zip(panels.flat, rows, titles or [""] * len(rows)):
        lines = [[*row[k : k + width]] for k in range(0, len(row), width)]
        panel.imshow(lines, cmap=shades, vmin=lowest, vmax=greatest)
        panel.set_title(title, color=INK, fontsize=9)
    return figure


# ------------------------------------------------------------------ a film


def animation(
    model: Any,
    frames: Sequence[tuple[str, Sequence[float]]],
    X: Sequence[Sequence[float]],
    y: Sequence[int],
    *,
    resolution: int = 40,
    milliseconds: int = 120,
) -> Film:
    """The decision boundary of `model` as it moved: a `Film`, to show, or to save as GIF or HTML.

    A frame is its title and the numbers of the parameters then, in the order of
    `model.parameters()`. The other arguments are those of `decision_boundary`, and how long a frame
    is shown. All frames have the colours of the last one. The model is as before in the end.

    >>> from micrograd_bp.data import xor
    >>> model = MLP(2, [2, 1], seed=0)
    >>> frames = []
    >>> for epoch in (1, 2):
    ...     frames.append((f"epoch {epoch}", [p.data for p in model.parameters()]))
    >>> animation(model, frames, *xor(), resolution=5)
    Film(2 frames)

    Errors: those of `decision_boundary`; ValueError for no frames, or a frame of another number of
    parameters than the model has.
    """
    parameters = model.parameters()
    if not frames:
        raise ValueError("animation: expected at least 1 frame, got none")
    for title, values in frames:
        if len(values) != len(parameters):
            raise ValueError(
                f"animation: frame {title!r}: expected a number for each of the model's "
                f"{len(parameters)} parameters, got {len(values)}"
            )
    plane = _Plane(X, y, resolution)
    before = [parameter.data for parameter in parameters]
    pngs = []
    try:
        _set(parameters, frames[-1][1])
        limit = plane.limit(model)
        for title, values in frames:
            _set(parameters, values)
            pngs.append(_png(plane.draw(model, limit, title), 144))
    finally:
        _set(parameters, before)
    return Film([title for title, _ in frames], pngs, milliseconds)


def _set(parameters: Sequence[Value], values: Sequence[float]) -> None:
    for parameter, value in zip(parameters, values):
        parameter.data = float(value)

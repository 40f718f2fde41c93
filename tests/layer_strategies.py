"""Random networks of every kind of layer, equations included: `layered_networks()`."""

from __future__ import annotations

from math import prod
from typing import Any

from hypothesis import reject
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from derive.errors import SpecError
from derive.spec import Network, load
from tests.strategies import REAL_FORMULAS, REAL_LOSSES, formulas, named

Shape = tuple[int, ...]
Layer = dict[str, Any]

#: What a user writes over an input x of i features: indices, parameters, equations, padded names.
#: {i} stands for the features, {a} and {j} for free sizes.
OVER_FEATURES: dict[str, tuple[str, dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "bilinear": (
        "i k j",
        {"w": "i k j", "b": "j"},
        ("s[j] = Sum(w[i,k,j]*x[i]*x[k], i, k) + b[j]",),
        (),
    ),
    "low rank": (
        "i a j",
        {"u": "i a", "v": "a j", "b": "j"},
        ("h[a] = Sum(u[i,a]*x[i], i)", "s[j] = Sum(v[a,j]*h[a], a) + b[j]"),
        (),
    ),
    "gated": (
        "i j",
        {"u": "i j", "v": "i j"},
        ("g[j] = sigmoid(Sum(v[i,j]*x[i], i))", "s[j] = g[j]*Sum(u[i,j]*x[i], i)"),
        (),
    ),
    "radial": (
        "i j",
        {"c": "i j", "beta": "j"},
        ("d[j] = Sum((x[i] - c[i,j])**2, i)", "s[j] = exp(-beta[j]**2*d[j])"),
        (),
    ),
    "cosine": (
        "i j",
        {"w": "i j"},
        (
            "p = sqrt(Sum(x[i]**2, i) + 1/10)",
            "q[j] = sqrt(Sum(w[i,j]**2, i) + 0.1)",
            "s[j] = Sum(w[i,j]*x[i], i)/(p*q[j])",
        ),
        (),
    ),
    "unit length": (
        "i j",
        {"w": "i j"},
        ("h[j] = Sum(w[i,j]*x[i], i)", "q = Sum(h[j]**2, j)", "s[j] = h[j]/sqrt(q + 1/100)"),
        (),
    ),
    "mixture": (
        "i j",
        {"w": "i j", "alpha": "j"},
        (
            "h[j] = Sum(w[i,j]*x[i], i)",
            "a[j] = sigmoid(alpha[j])",
            "s[j] = a[j]*tanh(h[j]) + (1 - a[j])*sin(h[j])",
        ),
        (),
    ),
    "tied": (
        "i a",
        {"w": "i a", "b": "i"},
        ("h[a] = tanh(Sum(w[i,a]*x[i], i))", "s[i] = Sum(w[i,a]*h[a], a) + b[i]"),
        (),
    ),
    "largest": (
        "i a j",
        {"w": "i a j"},
        ("h[a,j] = Sum(w[i,a,j]*x[i], i)", "s[j] = Max(h[a,j], a) - Min(h[a,j], a)/2"),
        (),
    ),
    "soft choice": (
        "i a j",
        {"w": "i a", "v": "a j"},
        ("h[a] = softmax(Sum(w[i,a]*x[i], i), a)", "s[j] = Sum(h[a]*v[a,j], a)"),
        (),
    ),
    "neighbours": (
        "i",
        {"w": "i", "t": ""},
        ("s[i] = w[i]*(x[i-1] - 2*x[i] + x[i+1]) + t*x[i]",),
        ("x",),
    ),
    "centred": (
        "i",
        {"g": "i", "b": "i"},
        (
            "m = Sum(x[i], i)/size(i)",
            "v = Sum((x[i] - m)**2, i)/size(i)",
            "s[i] = g[i]*(x[i] - m)/sqrt(v + 1/100) + b[i]",
        ),
        (),
    ),
    "kinks": (
        "i j",
        {"w": "i j", "b": "j"},
        (
            "h[j] = Sum(w[i,j]*Abs(x[i] - 1/3), i)",
            "s[j] = Piecewise((h[j], h[j] > b[j]), (2*h[j] - b[j], True)) + Max(h[j], 0.25, b[j])",
        ),
        (),
    ),
    "backwards": (
        "i k",
        {"w": "k"},
        ("s[i] = Sum(w[k]*x[i - k], k) + x[{i_less_one} - i]*w[0]",),
        ("x",),
    ),
}
#: The same over an input x of t tokens with f features.
OVER_TOKENS: dict[str, tuple[str, dict[str, str], tuple[str, ...], tuple[str, ...]]] = {
    "attention": (
        "t u f a",
        {"p": "f a", "q": "f a", "v": "f a"},
        (
            "k[u,a] = Sum(p[f,a]*x[u,f], f)",
            "r[t,a] = Sum(q[f,a]*x[t,f], f)",
            "z[t,u] = Sum(k[u,a]*r[t,a], a)/sqrt(size(a))",
            "w[t,u] = softmax(z[t,u], u)",
            "s[t,a] = Sum(w[t,u]*Sum(v[f,a]*x[u,f], f), u)",
        ),
        (),
    ),
    "each token": (
        "t f a",
        {"w": "f a", "b": "a"},
        ("s[t,a] = Sum(w[f,a]*x[t,f], f) + b[a]",),
        (),
    ),
    "pooled": (
        "t f",
        {"g": "f"},
        ("s[f] = g[f]*Sum(x[t,f], t)/size(t)",),
        (),
    ),
    "mixed": (
        "t u f",
        {"w": "t u", "c": "f"},
        ("s[t,f] = Sum(w[t,u]*x[u,f], u)*c[f] + x[t,f]",),
        (),
    ),
    "products": (
        "t u f",
        {"c": "f"},
        ("s[t,u] = Sum(c[f]*x[t,f]*x[u,f], f)",),
        (),
    ),
}


@st.composite
def activations(draw: DrawFn, shape: Shape) -> Any:
    """Linear half of the time."""
    if draw(st.booleans()):
        return "linear"
    return draw(st.one_of(named(shape[-1]), formulas(depth=1)))


@st.composite
def windows(draw: DrawFn, kind: str, shape: Shape) -> tuple[Layer, Shape]:
    """A convolution or a pooling with everything that a window can have."""
    conv = kind == "conv"
    layer: Layer = {"kind": kind}
    fields: dict[str, list[int]] = {"kernel": [], "stride": [], "padding": [], "dilation": []}
    out = []
    same = conv and draw(st.integers(0, 5)) == 0
    for size in shape[1:]:
        kernel = draw(st.integers(1, min(4, size)))
        padding = draw(st.integers(0, 2 if conv else kernel // 2))
        spread = 2 * (kernel - 1) + 1 <= size + 2 * padding
        dilation = draw(st.integers(1, 2 if conv and spread else 1))
        stride = 1 if same else draw(st.integers(1, 3))
        for name, value in zip(fields, (kernel, stride, padding, dilation), strict=True):
            fields[name].append(value)
        room = size + 2 * padding - dilation * (kernel - 1) - 1
        out.append(size if same else room // stride + 1)
    layer |= fields
    if not conv:
        del layer["dilation"]
        return layer, (shape[0], *out)
    channels = draw(st.integers(1, 3))
    bias = draw(st.sampled_from((True, False, "threshold")))
    layer |= {"channels": channels, "bias": bias, **({"padding": "same"} if same else {})}
    return layer, (channels, *out)


@st.composite
def equations(draw: DrawFn, shape: Shape) -> tuple[Layer, Shape]:
    """A layer as a user writes it."""
    kinds = OVER_FEATURES if len(shape) == 1 else OVER_TOKENS
    indices, parameters, forward, padded = kinds[draw(st.sampled_from([*kinds]))]
    known = dict(zip("i" if len(shape) == 1 else "tf", shape, strict=True))
    known |= {"u": shape[0]} if len(shape) == 2 else {}
    sizes = {}
    for name in indices.split():
        same_as_features = name == "k" and "x[k]" in forward[0]
        sizes[name] = known.get(name) or (shape[0] if same_as_features else draw(st.integers(1, 3)))
    places = forward[-1].partition("[")[2].partition("]")[0].split(",")
    layer = {
        "kind": "equations",
        "indices": sizes,
        "parameters": {name: axes.split() for name, axes in parameters.items()},
        "forward": [text.replace("{i_less_one}", str(shape[0] - 1)) for text in forward],
        "padded": list(padded),
    }
    return layer, tuple(sizes[place] for place in places)


@st.composite
def layers(draw: DrawFn, shape: Shape, depth: int = 2) -> tuple[Layer, Shape]:
    """A layer of any kind for this input, and the shape behind it."""
    kinds = ["batch_norm", "dropout", "residual" if depth else "dropout"]
    kinds += ["layer_norm"] if prod(shape[-1:]) > 1 else []
    if len(shape) == 1:
        kinds += ["dense", "equations", "equations"]
    else:
        kinds += ["conv", "conv", "max_pool", "avg_pool", "flatten"]
        kinds += ["equations", "equations"] if len(shape) == 2 else []
    kind = draw(st.sampled_from(kinds))
    layer: Layer = {"kind": kind}
    out = shape
    match kind:
        case "conv" | "max_pool" | "avg_pool":
            layer, out = draw(windows(kind, shape))
        case "equations":
            layer, out = draw(equations(shape))
        case "dense":
            layer["units"] = draw(st.integers(1, 4))
            layer["bias"] = draw(st.sampled_from((True, False, "threshold")))
            out = (layer["units"],)
        case "flatten":
            out = (prod(shape),)
        case "layer_norm":
            layer["axes"] = draw(st.sampled_from(("last", "all")))
        case "dropout":
            layer["rate"] = draw(st.sampled_from((0, 0.25, 0.5, "1/3")))
        case "residual":
            layer["layers"] = draw(inner(shape, depth - 1))
    layer["activation"] = draw(activations(out))
    return layer, out


@st.composite
def inner(draw: DrawFn, shape: Shape, depth: int) -> list[Layer]:
    """Layers that end in the shape in which they begin."""
    made, out = [], shape
    for _ in range(draw(st.integers(1, 2))):
        layer, after = draw(layers(out, depth))
        if len(shape) == 1 or after == shape:
            made.append(layer)
            out = after
    if out != shape:
        made.append({"kind": "dense", "units": shape[0]})
    if not made:
        made = [{"kind": "batch_norm"}]
    return made


@st.composite
def layered_specs(draw: DrawFn, most_layers: int = 4) -> dict[str, Any]:
    """A spec as a mapping; the output keeps its shape, or a dense layer comes last."""
    rank = draw(st.sampled_from((1, 2, 2, 3, 3)))
    sizes = st.integers(2, 4 if rank == 3 else 6)
    first = draw(st.integers(1, 3)) if rank > 1 else draw(sizes)
    source = shape = (first, *(draw(sizes) + (rank == 3) for _ in range(rank - 1)))
    made = []
    for _ in range(draw(st.integers(1, most_layers))):
        layer, shape = draw(layers(shape))
        made.append(layer)
    if draw(st.booleans()):
        made += [{"kind": "flatten"}] if len(shape) > 1 else []
        made.append({"kind": "dense", "units": 3})
        shape = (3,)
    loss: Any = draw(st.sampled_from((*REAL_LOSSES, *REAL_FORMULAS)))
    if shape[-1] > 1 and draw(st.integers(0, 2)) == 0:
        made[-1]["activation"], loss = "softmax", "cross_entropy"
    return {
        "name": "drawn",
        "input": list(source),
        "layers": made,
        "loss": loss,
        "reduction": draw(st.sampled_from(("mean", "sum"))),
        "weight_decay": draw(st.sampled_from((0, 0, 0.01))),
        "training": draw(st.sampled_from(({}, {"optimizer": "momentum", "momentum": 0.5}))),
    }


@st.composite
def layered_networks(draw: DrawFn, most_layers: int = 4) -> Network:
    """A random network of all kinds of layers; what the spec refuses is drawn anew."""
    spec = draw(layered_specs(most_layers))
    try:
        return load(spec)
    except SpecError:
        reject()

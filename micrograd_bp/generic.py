"""Like terms by their common form: x₁ · w₁ + x₂ · w₂ as Σᵢ xᵢ · wᵢ.

>>> from micrograd_bp.formula import Chain, Name
>>> from micrograd_bp.notation import Text
>>> terms = [Chain((Name(f"w_{k}"), Name(f"a^{{(1)}}_{k}"))) for k in (1, 2, 3)]
>>> print(Text()(sigma(terms, "i")))
Σᵢ₌₁³ wᵢ · a⁽¹⁾ᵢ
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace
from typing import Any

from micrograd_bp.engine import Value
from micrograd_bp.formula import (
    Chain,
    Comparison,
    Elided,
    Expr,
    Literal,
    Name,
    Number,
    Partial,
    Product,
    Sigma,
    Sum,
)
from micrograd_bp.naming import Names, local_formula
from micrograd_bp.notation import Line
from micrograd_bp.paths import Edge, Skipped, shortened, upwards

_INDEXED = re.compile(r"(.*)_(?:\{([0-9a-z,]+)\}|([0-9a-z]))", re.DOTALL)


def readings(label: str) -> list[tuple[str, list[str]]]:
    """What a label may mean: what stands before its indices, and the indices.

    That of `a_{12}` may be 1 and 2, or 12.
    """
    match = _INDEXED.fullmatch(label)
    if match is None:
        return []
    head, body = match[1], match[2] or match[3]
    if "," in body:
        return [(head, body.split(","))]
    if head == "v" and body.isdecimal():  # a number in a row, given to what has no label
        return [(head, [body])]
    found = [(head, [*body])]
    return [*found, (head, [body])] if len(body) > 1 and body.isdecimal() else found


def _read(labels: Iterable[str], k: int) -> list[tuple[str, list[str]]]:
    """The k-th reading of each label, or its only one; none where one of them has no indices."""
    every = [readings(label) for label in labels]
    return [found[min(k, len(found) - 1)] for found in every] if all(every) else []


def _labelled(head: str, indices: Sequence[str]) -> str:
    body = ("," if max(map(len, indices)) > 1 else "").join(indices)
    word = head.isalpha() and len(head) > 1  # its index needs braces: Err_{i}
    return f"{head}_{{{body}}}" if word or len(body) > 1 else f"{head}_{body}"


def unify(terms: Sequence[Any], values: Sequence[int], letter: str) -> Any:
    """The one form of the terms, `letter` standing for the k-th of `values` in the k-th term.

    None where they are not alike.
    """
    first = terms[0]
    if all(term == first for term in terms):
        return first
    if any(type(term) is not type(first) for term in terms):
        return None
    if isinstance(first, Name):
        return _unify_names(terms, [str(v) for v in values], letter)
    if isinstance(first, tuple):
        if any(len(term) != len(first) for term in terms):
            return None
        parts = [unify(column, values, letter) for column in zip(*terms)]
        return None if any(part is None for part in parts) else tuple(parts)
    if not isinstance(first, Expr) or isinstance(first, Number):
        return None
    found = {}
    for field in fields(first):
        column = [getattr(term, field.name) for term in terms]
        found[field.name] = unify(column, values, letter)
        if found[field.name] is None and column[0] is not None:
            return None
    return replace(first, **found)


def _unify_names(names: Sequence[Name], values: Sequence[str], letter: str) -> Name | None:
    copies = [name.copy for name in names]
    if len({*copies}) == 1:
        copy = copies[0]
    elif copies == [*values]:
        copy = letter
    else:
        return None
    if len({name.label for name in names}) == 1:
        return Name(names[0].label, copy)
    for k in range(2):  # a12 may be 1 and 2, or 12, but in all labels alike
        chosen = _read([name.label for name in names], k)
        if len({(head, len(indices)) for head, indices in chosen}) != 1:
            continue
        indices = []
        for column in zip(*(indices for _, indices in chosen)):
            same = len({*column}) == 1
            indices.append(column[0] if same else letter if [*column] == [*values] else "")
        if all(indices):
            return Name(_labelled(chosen[0][0], indices), copy)
    return None


def sigma(terms: Sequence[Expr], letter: str) -> Expr | None:
    """The sum of like terms as a Σ over the index in which they differ; None where they do not."""
    if len(terms) < 2:
        return None
    for values in _differences(terms):
        span = sorted(values)
        in_a_row = span == [*range(span[0], span[0] + len(span))]
        if in_a_row and (body := unify(terms, values, letter)) is not None:
            return Sigma(letter, span[0], span[-1], body)
    return None


def _differences(terms: Sequence[Any]) -> list[list[int]]:
    """What the index may be, from the first name in which the terms differ."""
    if isinstance(terms[0], Name) and all(isinstance(term, Name) for term in terms):
        found = []
        if all(term.copy for term in terms) and len({term.copy for term in terms}) > 1:
            found.append([int(term.copy) for term in terms if term.copy.isdecimal()])
        for k in range(2):
            rows = [indices for _, indices in _read([term.label for term in terms], k)]
            if len({*map(len, rows)}) == 1:
                for column in zip(*rows):
                    if len({*column}) == len(column) and all(map(str.isdecimal, column)):
                        found.append([*map(int, column)])
        return [values for values in found if len(values) == len(terms)]
    parts: list[Any] = []
    if all(isinstance(term, tuple) for term in terms):
        parts = [*zip(*terms)]
    elif isinstance(terms[0], Expr) and len({*map(type, terms)}) == 1:
        parts = [[getattr(term, f.name) for term in terms] for f in fields(terms[0])]
    for column in parts:
        if any(item != column[0] for item in column) and (found := _differences(column)):
            return found
    return []


# ------------------------------------------------------------------ what backpropagation multiplies


def chain(factors: Any) -> Expr:
    """A product of the chain rule: without factors 1, and the minus of factors −1 in front."""
    sign, kept = 1.0, []
    for factor in factors:
        if isinstance(factor, Number) and abs(factor.value) == 1.0:
            sign *= factor.value
        else:
            kept.append(factor)
    if not kept:
        return Number(sign)
    product = kept[0] if len(kept) == 1 else Chain(tuple(kept))
    return product if sign > 0 else Product((Number(-1.0), product))


def recursion(
    output: Value,
    into: Sequence[Edge],
    gradient: dict[Value, float],
    names: Names,
    expand: bool,
) -> Expr:
    """Σ over the children of ∂output/∂child · ∂child/∂node: formulas = numbers = result."""
    if not into:
        return Number(1.0)
    symbols: list[Expr] = []
    numbers: list[Expr] = []
    for edge in shortened(upwards(into), 2, 1, "terms") if len(into) > 500 else upwards(into):
        if isinstance(edge, Skipped):
            symbols.append(Elided(f"{edge.count:,} {edge.what}"))
            numbers.append(symbols[-1])
            continue
        known = edge.child is not output
        upstream = [Partial(names[output], names[edge.child])] if known else []
        upstream_number = [Literal(gradient[edge.child])] if known else []
        local = local_formula(edge, names, expand)
        dropped = known and local == Number(1.0)  # as `chain` does
        symbols.append(chain([*upstream, local]))
        numbers.append(Chain((*upstream_number, *([] if dropped else [Literal(edge.local)]))))
    shown = symbols[0] if len(symbols) == 1 else sigma(symbols, "i") or Sum(tuple(symbols))
    put_in = numbers[0] if len(numbers) == 1 else Sum(tuple(numbers))
    total = gradient[into[0].parent]
    if shown == Number(total):
        return shown
    return Comparison(shown, "=", equal(put_in, total))


def equal(numbers: Expr, total: float) -> Expr:
    """numbers = total, or the total alone where that is what stands there."""
    if numbers in (Literal(total), Chain((Literal(total),)), Number(total)):
        return Literal(total)
    return Comparison(numbers, "=", Literal(total))


# ------------------------------------------------------------------ a whole layer


def over_all(kind: Sequence[tuple[Partial, list[tuple[Expr, Expr]]]]) -> list[Line]:
    """The derivatives of a layer's parameters as one equation in indices, and its δ.

    For each parameter: ∂C/∂parameter, and (∂C/∂child, ∂child/∂parameter) for each term of its sum.
    Nothing where they do not share one form.
    """
    forms: list[Any] = []
    for head, terms in kind:
        summed = Chain(terms[0]) if len(terms) == 1 else sigma([Chain(t) for t in terms], "n")
        if summed is None:
            return []
        forms.append((head, summed))
    labels = [head.by.label for head, _ in forms if isinstance(head.by, Name)]
    if len(forms) < 2 or len(labels) < len(forms):
        return []
    for k in range(2):
        indices = [found for _, found in _read(labels, k)]
        if {*map(len, indices)} in ({1}, {2}) and len({*map(tuple, indices)}) == len(forms):
            break
    else:
        return []
    form, span = _over_indices(forms, indices)
    return [] if form is None else _generic_lines(form, span)


def _over_indices(forms: list[Any], indices: list[list[str]]) -> tuple[Any, str]:
    """The one form of all, in i and j, and where these run; None where there is none.

    One index is that of a unit, i, or, where all go to one unit, that of where they come from, j.
    """
    if not all(part.isdecimal() for pair in indices for part in pair):
        return None, ""
    last = {pair[-1] for pair in indices}
    if len(indices[0]) == 2:
        rows: dict[str, list[tuple[int, Any]]] = {}
        for (i, j), form in zip(indices, forms):
            rows.setdefault(i, []).append((int(j), form))
        forms = [
            unify([f for _, f in row], [j for j, _ in row], "j") if len(row) > 1 else row[0][1]
            for row in rows.values()
        ]
        if any(form is None for form in forms):
            return None, ""
        outer = [int(i) for i in rows]
        found = unify(forms, outer, "i") if len(forms) > 1 else forms[0]
        return found, f"i = {_range(outer)}, j = {_range([*map(int, last)])}"
    single = [int(pair[0]) for pair in indices]
    upstream = [getattr(form[1], "body", form[1]).factors[0] for form in forms]
    letter = "j" if all(u == upstream[0] for u in upstream) else "i"
    found = unify(forms, single, letter)
    if found is None:
        return None, ""
    return found, f"{letter} = {_range(single)}"


def _range(values: Sequence[int]) -> str:
    return f"{min(values)}…{max(values)}" if len({*values}) > 1 else str(values[0])


def _generic_lines(form: Any, span: str) -> list[Line]:
    """∂C/∂W = δ · a, and what δ is."""
    head, right = form
    product: Any = right.body if isinstance(right, Sigma) else right
    upstream, local = product.factors
    delta = upstream
    lines = []
    if isinstance(upstream, Partial) and isinstance(upstream.by, Name):
        symbol = re.sub(r"^[A-Za-z](?=[_^]|$)", r"\\delta", upstream.by.label)
        if symbol != upstream.by.label:
            delta = Name(symbol, upstream.by.copy)
            lines.append(Line(delta, "=", upstream))
    factors = tuple(f for f in (delta, local) if f != Number(1.0)) or (Number(1.0),)
    shown: Expr = Chain(factors)
    if isinstance(right, Sigma):
        shown = Sigma(right.index, right.first, right.last, shown)
    return [Line(head, "=", shown, span), *lines]

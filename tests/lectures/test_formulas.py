"""The formulas of the five lectures: all are there, hold or fail as they should, and can fail.

Each statement that holds is perturbed, in its source: a factor left out, a sign turned, two
indices swapped, a function left out. The check has to reject every one of them.
"""

import ast
import copy
import functools
import importlib
import inspect
import math
from collections import Counter
from random import Random

import pytest

from micrograd_bp.lectures import report
from micrograd_bp.lectures.statements import KINDS, TOLERANCE, Undefined, errors

COUNTS = {"csc311": 33, "cs3780": 14, "ml": 22, "bpnn": 16, "lec16": 22}
FAIL = {  # as printed
    *("CS3780-11", "CSC311-32", "LEC16-10", "LEC16-12", "LEC16-20"),
    *(f"BPNN-{k}" for k in ("08", "09", "10", "12", "13", "14", "15", "16")),
}
ERRATA = {
    "E1": {"CS3780-11"},
    "E2": {"CSC311-32"},
    "E3": {"BPNN-08", "BPNN-09"},
    "E4": {"BPNN-10", "BPNN-12", "BPNN-14", "BPNN-16"},
    "E5": {"BPNN-12", "BPNN-14", "BPNN-16"},
    "E6": {"BPNN-13", "BPNN-15"},
    "E7": {"BPNN-13"},
    "E8": {"BPNN-14"},
    "E9": {"LEC16-10"},
    "E10": {"LEC16-12"},
}
FORMULAS = {formula.id: formula for formula in report.formulas()}
REMARKS = {remark.id: remark for _, remarks in report.LECTURES.values() for remark in remarks}


@pytest.fixture(scope="module")
def checked():
    return report.check()


@pytest.mark.parametrize("lecture", COUNTS)
def test_every_number_is_there_in_order(lecture):
    expected = [f"{lecture.upper()}-{k:02}" for k in range(1, COUNTS[lecture] + 1)]
    assert [formula.id for formula in report.formulas(lecture)] == expected


@pytest.mark.parametrize("key", FORMULAS)
def test_every_formula_says_what_it_is(key):
    formula = FORMULAS[key]
    assert formula.latex
    assert formula.words.endswith((".", ":")) or formula.words
    assert (formula.corrected is None) == (not formula.corrected_latex)


def test_those_fail_that_should(checked):
    assert {record.id for record in checked if not record.holds} == FAIL
    assert {record.id for record in checked if record.corrected_error is not None} == FAIL


def test_all_hold_as_printed_or_as_corrected(checked):
    assert checked.ok
    for record in checked:
        right = record.printed_error if record.holds else record.corrected_error
        assert right <= TOLERANCE / 100  # where rounding really is
        assert record.holds or record.printed_error > 1e6 * TOLERANCE


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_the_seed(seed):
    fresh = report.check(seed=seed, networks=10)
    assert {record.id for record in fresh if not record.holds} == FAIL
    assert fresh.ok


def test_errata_by_number():
    for number, where in ERRATA.items():
        assert {f.id for f in FORMULAS.values() if number in f.erratum.split(", ")} == where
        assert {*REMARKS[number].formulas} == where
        assert REMARKS[number].kind == "error"
    assert {key for key, remark in REMARKS.items() if remark.kind == "error"} == {*ERRATA}


def test_what_is_no_error_is_told_apart():
    kinds = Counter(remark.kind for remark in REMARKS.values())
    assert {*kinds} == {*KINDS}
    first = {"error": "E", "omission": "O", "scope": "S", "garble": "G", "convention": "C"}
    for key, remark in REMARKS.items():
        assert key[0] == first[remark.kind]
    assert kinds["omission"] >= 12
    assert kinds["scope"] >= 6
    assert kinds["garble"] >= 6
    assert kinds["convention"] >= 3
    assert len(REMARKS) == sum(len(remarks) for _, remarks in report.LECTURES.values())


@pytest.mark.parametrize("key", REMARKS)
def test_every_remark_is_about_formulas_that_exist(key):
    remark = REMARKS[key]
    assert remark.formulas
    assert {*remark.formulas} <= {*FORMULAS}
    assert remark.printed
    assert remark.correct
    assert remark.why.count(". ") == 0, "one sentence"


# ------------------------------------------------------------------ the check can fail


NONLINEARITIES = {"σ", "dσ", "θ", "dθ", "φ", "dφ", "g", "dg"}


class Perturbed(ast.NodeTransformer):
    """The `k`th perturbation of an expression; `k` below 0 afterwards means there was one."""

    def __init__(self, k):
        self.k = k
        self.what = ""

    def _turn(self, node, what, replacement):
        self.k -= 1
        if self.k != -1:
            return None
        self.what = f"{what}: {ast.unparse(node)} → {ast.unparse(replacement)}"
        return replacement

    def visit_BinOp(self, node):
        if isinstance(node.op, ast.Mult | ast.Div):
            for part in (node.left, node.right):
                if new := self._turn(node, "factor left out", part):
                    return new
        of_indices = isinstance(node.right, ast.Constant) and isinstance(node.right.value, int)
        if isinstance(node.op, ast.Add | ast.Sub) and not of_indices:
            other = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            if new := self._turn(node, "sign", ast.BinOp(node.left, other, node.right)):
                return new
        if isinstance(node.op, ast.Pow) and (new := self._turn(node, "power", node.left)):
            return new
        return self.generic_visit(node)

    def visit_UnaryOp(self, node):
        if isinstance(node.op, ast.USub) and (new := self._turn(node, "sign", node.operand)):
            return new
        return self.generic_visit(node)

    def visit_Subscript(self, node):
        if isinstance(node.slice, ast.Tuple) and len(node.slice.elts) == 2:
            swapped = ast.Tuple(node.slice.elts[::-1], ast.Load())
            if ast.dump(swapped) != ast.dump(node.slice):
                new = self._turn(node, "indices", ast.Subscript(node.value, swapped, ast.Load()))
                if new:
                    return new
        return self.generic_visit(node)

    def visit_Call(self, node):
        function = ast.unparse(node.func).partition("[")[0]
        inner = node.args[0] if function in NONLINEARITIES and len(node.args) == 1 else None
        if inner and (new := self._turn(node, "function left out", inner)):
            return new
        if function == "sum" and isinstance(node.args[0], ast.GeneratorExp):
            first = ast.parse("[0.0][0]", mode="eval").body
            first.value = ast.ListComp(node.args[0].elt, node.args[0].generators)
            if new := self._turn(node, "first term only", first):
                return new
        return self.generic_visit(node)

    def visit_comprehension(self, node):
        return node  # what is summed over is not the formula


def _statements(lecture):
    """The module, its syntax, and the node of the statement that holds, of each formula."""
    module = importlib.import_module(f"micrograd_bp.lectures.{lecture}_formulas")
    tree = ast.parse(inspect.getsource(module))
    functions = [n for n in ast.walk(tree) if isinstance(n, ast.Lambda | ast.FunctionDef)]
    places = {}
    for formula in module.FORMULAS:
        code = (formula.corrected or formula.printed).__code__
        names = code.co_varnames[: code.co_argcount]
        (places[formula.id],) = [
            n
            for n in functions
            if n.lineno == code.co_firstlineno and tuple(a.arg for a in n.args.args) == names
        ]
    return module, tree, places


def _formula_of(function):
    """The nodes of a statement in which its right side is made, with the field they are in."""
    body = function.body if isinstance(function, ast.Lambda) else function.body[-1].value
    yield (body.elts, 1) if isinstance(body, ast.Tuple) else (vars(function), "body")
    if isinstance(function, ast.FunctionDef):
        yield from ((function.body, k) for k in range(len(function.body) - 1))


@functools.cache
def _perturbations(lecture):
    """Number of the formula, what was done to its statement, and the statement that came of it."""
    found = []
    module, tree, places = _statements(lecture)
    for key, function in places.items():
        for holder, field in _formula_of(function):
            kept, k = holder[field], 0
            while True:
                perturbed = Perturbed(k)
                holder[field] = perturbed.visit(copy.deepcopy(kept))
                if perturbed.k >= 0:
                    break
                found.append((key, perturbed.what, _compiled(module, tree, function, key)))
                k += 1
            holder[field] = kept
    return found


def _compiled(module, tree, function, key):
    if isinstance(function, ast.Lambda):
        alone = ast.fix_missing_locations(ast.Expression(function))
        return eval(compile(alone, key, "eval"), vars(module))
    names = {"__name__": module.__name__}  # a function in a function: with all that is around it
    exec(compile(ast.fix_missing_locations(tree), key, "exec"), names)
    (formula,) = [formula for formula in names["FORMULAS"] if formula.id == key]
    return formula.corrected or formula.printed


@functools.cache
def _networks(given):
    return [given(Random(f"perturbed/{k}")) for k in range(6)]


@pytest.mark.parametrize("lecture", COUNTS)
def test_every_perturbation_is_rejected(lecture):
    accepted = []
    for key, what, statement in _perturbations(lecture):
        found = errors(statement, _networks(FORMULAS[key].given))
        if found.most <= 1e3 * TOLERANCE and not found.undefined:
            accepted.append((key, what))
    assert accepted == []


def test_there_are_perturbations_of_most_formulas():
    perturbed = Counter(key for lecture in COUNTS for key, _, _ in _perturbations(lecture))
    assert len(perturbed) > 0.75 * len(FORMULAS)
    assert sum(perturbed.values()) > 3 * len(FORMULAS)


def _negated(side):
    return {k: _negated(v) for k, v in side.items()} if isinstance(side, dict) else -side


@pytest.mark.parametrize("key", FORMULAS)
def test_a_turned_sign_is_rejected(key):
    formula = FORMULAS[key]
    holds = formula.corrected or formula.printed

    def turned(*quantities):
        left, right = holds(*quantities)
        return left, _negated(right)

    turned.__signature__ = inspect.signature(holds)
    found = errors(turned, _networks(formula.given))
    assert math.isclose(found.most, 2.0, rel_tol=1e-6)


def test_an_undefined_form_says_why(checked):
    record = checked["BPNN-08"]
    assert record.printed_error == math.inf
    assert record.undefined.startswith("undefined: ")
    with pytest.raises(Undefined):
        raise Undefined

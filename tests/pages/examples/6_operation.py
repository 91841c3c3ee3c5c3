# An operation of your own, checked and explained
import micrograd_bp as mb

# its value, and its derivative, as formulas
cube = mb.operation("cube(x)", "x ** 3", "3.0 * x ** 2")

print("agrees:", bool(mb.gradcheck(cube, [2.0], order=3)))

v = mb.Value(2.0, "v")
y = cube(v) + mb.sin(v)
mb.derive(y, v)

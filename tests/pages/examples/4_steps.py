# Both passes, step by step
import micrograd_bp as mb

w, b = mb.Value(0.5, "w"), mb.Value(-1.0, "b")
x, t = mb.Value(2.0, "x"), 1.0
a = mb.sigmoid(w * x + b)
a.label = "a"
C = (a - t) ** 2
C.label = "C"

mb.Stepper(C)

# Ten lines: a value, its gradients, its graph
import micrograd_bp as mb

x, y = mb.Value(2.0, "x"), mb.Value(-3.0, "y")
z = mb.tanh(x * y + 5.0) + x**2
z.backward()
print(f"z = {z.data:.6f}")
print(f"∂z/∂x = {x.grad:.6f}, ∂z/∂y = {y.grad:.6f}")

mb.draw(z)

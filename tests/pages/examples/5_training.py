# Train a network on exclusive or
import micrograd_bp as mb
from micrograd_bp import data, losses

X, y = data.xor()
model = mb.MLP(2, [4, 1], activation="tanh", seed=1)
loss = losses.binary_cross_entropy
adam = mb.Adam(model.parameters(), lr=0.05)
history = mb.fit(model, X, y, loss=loss, optimizer=adam, epochs=99)
for point, target in zip(X, y):
    p = mb.sigmoid(model(point))
    print(f"{point} → {p.data:.4f}, expected {target}")

history

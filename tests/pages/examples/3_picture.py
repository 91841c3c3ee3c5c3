# The picture of a network, two derivations lit
import micrograd_bp as mb
from micrograd_bp.lectures import csc311

C, model, inputs = csc311.build(csc311.EXAMPLE)
C.backward()

first = mb.derive(C, model.weight(2, 1, 2))
second = mb.derive(C, model.weight(1, 2, 3))
mb.draw(C, detail="lecture", highlight=[first, second])

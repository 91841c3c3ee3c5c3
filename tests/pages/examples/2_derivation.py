# The derivation of a weight, down to its number
import micrograd_bp as mb
from micrograd_bp.lectures import csc311

# the lecture's example: 3 inputs, layers of 3, 2 and 1 units
C, model, inputs = csc311.build(csc311.EXAMPLE)

# W⁽²⁾₁₂: a weight into layer 2, to its unit 1, from unit 2
display(mb.derive(C, model.weight(2, 1, 2)))
display(mb.derive(C, model.weight(1, 2, 3)))
mb.cost(C)

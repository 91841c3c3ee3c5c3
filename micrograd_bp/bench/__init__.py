"""Measure this engine beside its peers, in one run: the command `micrograd-bp bench`.

`problems` has what is computed, as plain data; `networks` and `graphs` have each contestant as a
function; `workloads` puts them together; `measuring` takes the times and `report` tells them.

>>> from micrograd_bp.bench.workloads import WORKLOADS
>>> [*WORKLOADS]
['W1', 'W2', 'W2-deep', 'W3', 'W5', 'W6']
"""

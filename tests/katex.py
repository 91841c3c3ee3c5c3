"""KaTeX as a judge of LaTeX: `npm ci --prefix tests/node` installs it."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

NODE = Path(__file__).parent / "node"
# Without trust KaTeX prints a command that would load or link something in the colour of errors.
SCRIPT = """
const katex = require("katex");
const given = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = given.formulas.map((formula) => {
  try {
    const options = {displayMode: true, throwOnError: true, strict: given.strict, trust: false};
    const shown = katex.renderToString(formula, {...options, errorColor: "#bad123"});
    return shown.includes("#bad123") ? "an untrusted or unknown command" : "";
  } catch (error) {
    return String(error);
  }
});
process.stdout.write(JSON.stringify(answers));
"""


def refused(formulas, strict="error"):
    """What KaTeX says of those of the formulas that it does not take; one process for all."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("the system has no node")
    if not (NODE / "node_modules" / "katex").is_dir():
        pytest.skip("KaTeX is not installed: npm ci --prefix tests/node")
    formulas = [*formulas]
    answer = subprocess.run(
        [node, "-e", SCRIPT],
        cwd=NODE,
        input=json.dumps({"formulas": formulas, "strict": strict}),
        capture_output=True,
        check=True,
        encoding="utf-8",
        timeout=120,
    )
    answers = json.loads(answer.stdout)
    assert len(answers) == len(formulas) > 0
    return {formula: said for formula, said in zip(formulas, answers) if said}

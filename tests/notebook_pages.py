"""Notebooks as pages that ask for nothing: their formulas are set when the page is made.

JupyterLab's own export loads MathJax and RequireJS from elsewhere. It needs `.[notebook]`, and
KaTeX under Node.js: `npm ci --prefix tests/node`.
"""

import html
import json
import re
import subprocess
from pathlib import Path

NODE = Path(__file__).parent / "node"


def contents(notebooks):
    """The HTML of each notebook, without a frame.

    Errors: subprocess.CalledProcessError for a formula that KaTeX refuses.
    """
    formulas = []
    pages = [_cells(notebook, formulas) for notebook in notebooks]
    shown = _set(formulas)
    return [re.sub(r"<formula-(\d+)>", lambda found: shown[int(found[1])], page) for page in pages]


def colours():
    """The style sheet of code, by day and by night."""
    from pygments.formatters import HtmlFormatter

    day, night = (
        HtmlFormatter(style=style).get_style_defs(".highlight")
        for style in ("xcode", "github-dark")
    )
    parts = (day, "@media (prefers-color-scheme: dark) {", night, "}")
    return "\n".join([*parts, ".highlight { background: none }\n"])


def _set(formulas):
    """The formulas' HTML, by one process for all."""
    done = subprocess.run(
        ["node", NODE / "formulas.js"],
        input=json.dumps(formulas),
        stdout=subprocess.PIPE,
        check=True,
        encoding="utf-8",
        timeout=120,
    )
    return json.loads(done.stdout)


def _cells(notebook, formulas):
    """The cells, with <formula-k> in the place of what is added to `formulas`."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    def later(tex, display):
        formulas.append({"tex": tex, "display": display})
        return f"<formula-{len(formulas) - 1}>"

    class Renderer(IPythonRenderer):
        def inline_math(self, body):
            return later(body, False)

        def block_math(self, body):
            return later(body, True)

        def link(self, text, url, title=None):
            return super().link(text, re.sub(r"^(\w+)\.ipynb\b", r"\1.html", url), title)

    markdown = MarkdownWithMath(Renderer(escape=False, exclude_anchor_links=True))
    parts = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(markdown.render(cell.source))
        elif cell.cell_type == "code":
            shown = "".join(_output(output, later) for output in cell.outputs)
            code = highlight(cell.source, PythonLexer(), HtmlFormatter())
            parts.append(f'<div class="cell">{code}{shown}</div>\n')
    return "".join(parts)


def _output(output, later):
    if output.output_type == "stream":
        return f'<pre class="output">{html.escape(output.text)}</pre>'
    if output.output_type == "error":
        return f'<pre class="output">{html.escape(f"{output.ename}: {output.evalue}")}</pre>'
    data = output.data
    if "text/html" in data:
        inside = data["text/html"]
    elif "image/png" in data:
        source = data["image/png"].replace("\n", "")
        inside = f'<img alt="what the code above draws" src="data:image/png;base64,{source}">'
    elif "text/latex" in data:
        inside = later(data["text/latex"].strip().strip("$"), True)
    else:
        inside = f"<pre>{html.escape(data['text/plain'])}</pre>"
    return f'<div class="output">{inside}</div>'

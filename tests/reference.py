"""The API reference, from the docstrings: `python tests/reference.py [DIR]` writes it (reference/).

The pages open without a network, `index.html` first. It needs pdoc: `pip install -e '.[docs]'`.
A page that could not be found, or a place in one, is an error.
"""

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

PUBLIC = [
    "micrograd_bp",
    *(
        f"micrograd_bp.{name}"
        for name in (
            *("engine", "ops", "table", "symbol", "check", "directional"),
            *("nn", "losses", "optim", "data", "train", "plots", "film", "torch_bridge"),
            *("derivations", "paths", "passes", "stepping", "player", "terminal"),
            *("drawing", "renderers", "compiler", "cli", "doctor"),
        )
    ),
    "micrograd_bp.lectures",
    *(
        f"micrograd_bp.lectures.{name}"
        for name in (
            *("csc311", "cs3780", "ml", "bpnn", "lec16", "beside"),
            *("report", "dictionary", "translation"),
        )
    ),
]
"""The modules to import from. The others are how it is done, and are read in the source."""


TEMPLATE = """{% extends "default/module.html.jinja2" %}
{% block favicon %}<link rel="icon" href="data:,">{% endblock %}
{% block style %}{{ super() }}<style>
@media (max-width: 769px) { .pdoc h1.modulename { margin-right: 3rem; overflow-wrap: anywhere; } }
@media (prefers-color-scheme: dark) {
:root { color-scheme: dark; --pdoc-background: #1a1a1a; }
.pdoc {
  --text: #e6e6e6; --muted: #a9b0b8; --link: #6db8f2; --link-hover: #9fd0f7; --code: #242628;
  --active: #4a4a1c; --accent: #2b2e31; --accent2: #4d5257; --nav-hover: #ffffff18;
  --name: #6db8f2; --def: #7fc98a; --annotation: #7fc98a;
}
{{ night }}
}
</style>{% endblock %}
{% block module_list_link %}
{% if home %}
{% set up = "../" * module.modulename.count(".") %}
<a class="pdoc-button module-list-button" href="{{ up }}{{ home }}">Website</a>
{% endif %}
{{ super() }}
{% endblock %}
{% block nav_submodules %}
<details open><summary>Modules</summary><ul>
{% for name in all_modules if name != module.modulename %}
<li>{{ (name, "") | link(text=name.removeprefix("micrograd_bp.")) }}</li>
{% endfor %}
</ul></details>
{% endblock %}
"""
"""Each page has all modules beside it, which pdoc leaves out where there is an __all__; at night
it is dark, and `home`, where there is one, is where it leads back to.
"""


def build(folder, home=""):
    """Write the pages; `home` is the page that they lead back to, as a link from the first."""
    import pdoc
    from jinja2 import ChoiceLoader, DictLoader, pass_context
    from pygments.formatters import HtmlFormatter

    pdoc.render.configure(docformat="google", show_source=False)
    env = pdoc.render.env
    env.loader = ChoiceLoader([DictLoader({"module.html.jinja2": TEMPLATE}), env.loader])
    night = HtmlFormatter(style="github-dark").get_style_defs(".pdoc-code")
    env.globals |= {"home": home, "night": night}
    links = env.filters["linkify"]
    env.filters["linkify"] = pass_context(
        lambda page, code, *rest, **options: links(page, _absolute(code), *rest, **options)
    )
    try:
        pdoc.pdoc(*PUBLIC, output_directory=folder)
    finally:
        env.filters["linkify"] = links
        pdoc.render.configure()


def _absolute(code):
    """`code` in which nothing looks like a relative import, as `f(x).data` does to pdoc."""
    code = code.replace("<code>.", "<code>&#46;")
    dot = '</span><span class="o">.</span><span class="n'
    return re.sub(rf'([)\]]){dot}">', rf'\1{dot}a">', code)


class _Page(HTMLParser):
    """The places in a page, what it links to, and what it loads."""

    def __init__(self, text):
        super().__init__()
        self.places, self.links, self.loads = set(), [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        found = dict(attributes)
        if "id" in found:
            self.places.add(found["id"])
        if tag == "a" and found.get("href"):
            self.links.append(found["href"])
        elif found.get("src") or (tag == "link" and found.get("href")):
            self.loads.append(found.get("src") or found["href"])


def broken(folder):
    """The links that lead nowhere, and whatever is loaded from elsewhere: (page, link)."""
    texts = {path.resolve(): path.read_text("utf-8") for path in Path(folder).rglob("*.html")}
    pages = {path: _Page(text) for path, text in texts.items()}
    for path, page in pages.items():
        for link in page.links + page.loads:
            parts = urlsplit(link)
            if parts.scheme == "data" or (parts.scheme and link in page.links):
                continue  # out into the web
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            place = unquote(parts.fragment)
            missing = bool(place) and place not in pages.get(target, page).places
            if parts.scheme or parts.netloc or not target.is_file() or missing:
                yield path.name, link


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "reference")
    build(folder)
    if lost := [*broken(folder)]:
        sys.exit(f"links that lead nowhere: {lost}")
    print(f"The reference: {folder / 'index.html'}")

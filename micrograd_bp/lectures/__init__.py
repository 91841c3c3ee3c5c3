"""The lectures that the package follows, each in its own notation; `check` runs every formula."""

from micrograd_bp.lectures.dictionary import notation
from micrograd_bp.lectures.report import check, errata
from micrograd_bp.lectures.translation import translate

__all__ = ["check", "errata", "notation", "translate"]

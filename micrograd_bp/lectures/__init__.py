"""The lectures that the package follows, each in its own notation; `check` runs every formula."""

from micrograd_bp.lectures.report import check, errata

__all__ = ["check", "errata"]

"""The lectures that the package follows, each in its own notation."""

"""paod: the daemon between a Git repository of YAML documents and its readers."""

__version__ = "0.1.0"

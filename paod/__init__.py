"""paod: the daemon between a Git repository of YAML documents and everyone who reads the catalog."""

__version__ = "0.1.0"

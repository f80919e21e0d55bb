"""Doors to the outside: chat platforms, language models, linguistic tools. One vendor per file."""

"""The record: what was said and why, sealed so that nobody can quietly rewrite it."""

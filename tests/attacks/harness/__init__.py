"""Runs the rows of the table against a proxy, over any transport."""

"""Oracles: exact answers about partial assignments. Three that must agree, and which one to pick."""

"""Recommends from a knowledge graph: fit, rank, explain, evaluate, write back."""

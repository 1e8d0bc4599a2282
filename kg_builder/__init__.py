"""Builds a knowledge graph from a shop's dumps and keeps it in an embedded store or in Neo4j."""

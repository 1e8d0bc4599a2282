"""What `import kg_builder` gives, and what it costs."""

import subprocess
import sys

import kg_builder


def test_every_public_name_is_there():
    for name in kg_builder.__all__:
        assert getattr(kg_builder, name).__name__ if name != "RETAIL" else kg_builder.RETAIL.nodes
    assert sorted(kg_builder.__all__) == sorted(set(dir(kg_builder)))


def loaded(code, *modules):
    """Which of the modules a fresh Python has in memory after the code."""
    code = f"import sys\n{code}\nprint([name for name in {modules} if name in sys.modules])"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603


def test_importing_costs_no_heavy_module():
    assert loaded("import kg_builder, kg_builder.cli", "torch", "polars", "pandas", "ladybug", "rich") == "[]"


def test_building_needs_no_torch():
    code = "from kg_builder import build, connect\nimport kg_builder.stores.embedded, kg_builder.stores.neo4j"
    assert loaded(code, "torch", "graphrec", "polars") == "['polars']"

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


def test_a_new_store_is_built_and_read_without_pandas(tmp_path):
    (tmp_path / "events.csv").write_text("user,product,event,at\nu1,p1,bought,1500000000\n")
    build = f"kg_builder.build({str(tmp_path / 'events.csv')!r}, {str(tmp_path / 'shop.graph')!r})"
    code = f"import kg_builder\n{build}\nkg_builder.connect({str(tmp_path / 'shop.graph')!r}).read()"
    assert loaded(code, "pandas", "neo4j", "ladybug") == "['ladybug']"

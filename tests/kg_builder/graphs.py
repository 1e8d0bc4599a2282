"""Small graphs that are hard to carry over: ugly texts, odd names, extreme numbers; and any graph at all for Hypothesis."""

import polars as pl
from hypothesis import strategies as st

from kg_builder.planted import planted_shop
from kg_builder.schema import RETAIL, EdgeSpec, GraphSchema, NodeSpec
from kg_builder.tables import GraphTables, edge_columns, node_columns
from kg_builder.tabulation import tabulate

TEXTS = [
    "吉他 & <b>琴弦</b>",
    'a "quoted" one\'s',
    "two\nlines\r\nand\ra\ttab",
    "control \x00\x01\x1b\x7f\ufffe\uffff",
    "_x0041_ _x005F_ _x004",
    "",
    " ",
    "NA",
    "null",
    "%41 50%",
    "]]> &amp; &#65; <!--",
    "🎸\u2028\u0085\ufeff",
    "\\u0001 \\n",
]
FLOATS = [0.1, 1e300, -5e-324, 2.0, -0.0, float("inf"), float("-inf"), float("nan"), None, 1 / 3, 16777217.0]
INTEGERS = [-1, 0, 2**63 - 1, -(2**63), None, 1393372800]
LISTS = [["a b", "c"], [], None, [""], ["NA", "%", '"'], ["x\ty", "z\n"]]
VECTORS = [[0.1, -1e30], None, [float("nan"), 0.0]]
RAGGED = [[1.0], [], None, [1.0, 2.0]]

ODD = GraphSchema.of(
    nodes=[
        NodeSpec(
            "Product", {"size": "float", "size_known": "integer", "label": "string", "words": "strings"}, {"seen": "vector"}
        ),
        NodeSpec("User", {"size": "string", "item_id": "string", "on": "boolean", "ragged": "vector", "file": "integer"}),
        NodeSpec("Thing"),
    ],
    edges=[
        EdgeSpec(
            "User",
            "BOUGHT",
            "Product",
            {"key": "string", "edge_index": "integer", "type": "string", "price": "float", "words": "strings"},
            key="key",
            interaction=True,
        ),
        EdgeSpec("Product", "RELATED", "Product", {"relation": "string"}, key="relation"),
        EdgeSpec("Product", "NEAR", "Thing"),
        EdgeSpec("User", "RECOMMENDED", "Product", {"model": "string", "score": "float"}, key="model", derived=True),
    ],
)
"""Names that formats and libraries use for themselves, and one name with two types."""


def cycle(values, count):
    return [values[row % len(values)] for row in range(count)]


def frame(columns, values):
    return pl.DataFrame(values, schema={name: columns[name] for name in values})


def ugly() -> GraphTables:
    """Ids equal across labels, parallel edges, nulls, an empty table, and every value above."""
    count = len(TEXTS)
    products = {
        "id": TEXTS,
        "size": cycle(FLOATS, count),
        "size_known": cycle(INTEGERS, count),
        "label": TEXTS[::-1],
        "words": cycle(LISTS, count),
    }
    users = {"id": TEXTS, "size": cycle([None, *TEXTS], count), "on": cycle([True, None, False], count)}
    users |= {"ragged": cycle(RAGGED, count), "file": cycle(INTEGERS, count)}
    bought = {"source": TEXTS * 2, "target": TEXTS[1:] + TEXTS[:1] + TEXTS[1:] + TEXTS[:1], "key": ["o/1"] * count + TEXTS}
    bought |= {"edge_index": cycle(INTEGERS, 2 * count), "type": TEXTS * 2, "price": cycle(FLOATS, 2 * count)}
    bought |= {"words": cycle(LISTS, 2 * count)}
    related = {"source": ["NA", "NA", "NA"], "target": ["NA", "null", "null"], "relation": ["", "made\tin", "with"]}
    kinds = ("User", "BOUGHT", "Product"), ("Product", "RELATED", "Product"), ("Product", "NEAR", "Thing")
    edges = zip(kinds, (bought, related, {"source": [], "target": []}), strict=True)
    return GraphTables.of(
        ODD,
        {
            "Product": frame(node_columns(ODD, "Product"), products),
            "User": frame(node_columns(ODD, "User"), users),
            "Thing": frame(node_columns(ODD, "Thing"), {"id": []}),
        },
        {kind: frame(edge_columns(ODD, kind), values) for kind, values in edges},
    )


def written_back() -> GraphTables:
    """The ugly graph with vectors, and edges that a model wrote."""
    tables = ugly()
    kind = ("User", "RECOMMENDED", "Product")
    scores = pl.DataFrame({"source": [TEXTS[0]], "target": [TEXTS[1]], "model": ["m"], "score": [0.1]})
    vectors = frame(node_columns(ODD, "Product"), {"id": TEXTS, "seen": cycle(VECTORS, len(TEXTS))})
    return tables.merge(GraphTables.of(ODD, {"Product": vectors}, {kind: scores}))


def planted() -> GraphTables:
    """The planted shop, without what is recorded of merges."""
    return tabulate(planted_shop(users=24, products=48), now=1_750_000_000).without_derived()


def outside() -> GraphTables:
    """A retail graph with outside knowledge, brands and categories by hand."""
    ids = {"User": ["u1"], "Product": ["p1", "p2"], "Entity": ["p1", "m.1"]}
    nodes = {label: pl.DataFrame({"id": names}) for label, names in ids.items()}
    nodes["Product"] = nodes["Product"].with_columns(title=pl.Series(["Green  tea", None]), price=pl.Series([1299.0, 0.1]))
    nodes["Brand"] = pl.DataFrame({"id": ["b2", "b1"], "name": ["Acme Tea", "NA"]})
    nodes["Category"] = pl.DataFrame({"id": ["Food > Tea", "Food"], "name": ["Tea", "Food"]})
    return GraphTables.of(
        RETAIL,
        nodes,
        {
            ("User", "BOUGHT", "Product"): pl.DataFrame(
                {"source": ["u1", "u1"], "target": ["p2", "p1"], "key": ["o1", "o0"], "at": [20, 10], "price": [2.5, None]}
            ),
            ("Product", "MADE_BY", "Brand"): pl.DataFrame({"source": ["p1", "p2"], "target": ["b2", "b1"]}),
            ("Product", "IN_CATEGORY", "Category"): pl.DataFrame({"source": ["p1", "p1"], "target": ["Food > Tea", "Food"]}),
            ("Product", "RELATED", "Entity"): pl.DataFrame({"source": ["p1"], "target": ["m.1"], "relation": ["made in"]}),
            ("Entity", "RELATED", "Entity"): pl.DataFrame({"source": ["m.1"], "target": ["p1"], "relation": ["near"]}),
        },
    )


texts = st.text(max_size=12)
numbers = st.floats()
integers = st.integers(-(2**63), 2**63 - 1)


@st.composite
def graphs(draw):
    """Any graph of the odd schema."""
    ids = {label: draw(st.lists(texts, unique=True, max_size=4)) for label in ("Product", "User")}
    values = {"size": numbers, "size_known": integers, "label": texts, "words": st.lists(texts, max_size=3)}
    vectors = st.lists(st.floats(width=32), max_size=3)
    products = {"id": ids["Product"]} | {
        name: [draw(st.none() | kind) for _ in ids["Product"]] for name, kind in {**values, "seen": vectors}.items()
    }
    pairs = st.tuples(st.sampled_from(ids["User"] or [""]), st.sampled_from(ids["Product"] or [""]), texts)
    bought = draw(st.lists(pairs, unique=True, max_size=5)) if all(ids.values()) else []
    more = {"edge_index": integers, "price": numbers, "type": texts}
    edges = {name: [pair[place] for pair in bought] for place, name in enumerate(("source", "target", "key"))}
    edges |= {name: [draw(st.none() | kind) for _ in bought] for name, kind in more.items()}
    kind = ("User", "BOUGHT", "Product")
    nodes = {
        "Product": frame(node_columns(ODD, "Product"), products),
        "User": frame(node_columns(ODD, "User"), {"id": ids["User"]}),
    }
    return GraphTables.of(ODD, nodes, {kind: frame(edge_columns(ODD, kind), edges)})

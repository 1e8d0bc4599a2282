"""Names in, pairs out: which brands, categories and products are one thing.

The rules go from the sure to the likely. A name alone is never enough for the likely ones: brands must share categories, products
brand and price, categories their parent. What may differ between two variants of a product (a number, a size, a colour) must be
equal.
"""

from collections.abc import Sequence

from kg_builder.errors import BadRequest
from kg_builder.merging.clusters import Match
from kg_builder.resolving.brandnames import brand_pairs
from kg_builder.resolving.named import Named as Named
from kg_builder.resolving.named import Vectors as Vectors
from kg_builder.resolving.titles import category_pairs, product_pairs

THRESHOLD = 0.85
"""The score from which on a pair is a match, unless told otherwise."""


def find(label: str, named: Sequence[Named], *, threshold: float = THRESHOLD, vectors: Vectors | None = None) -> list[Match]:
    """The pairs of these nodes that are one thing, the best first.

    Args:
        label: Brand, Category or Product.
        named: the nodes.
        threshold: the least score; less finds more and errs more.
        vectors: text vectors, where names without a letter in common may mean the same.

    Raises:
        BadRequest: no rules for the label, or a threshold outside 0..1.

    Example:
        >>> shoes = frozenset({"Sports", "Sports > Shoes"})
        >>> brands = [Named("adidas", "Adidas", 9, shoes), Named("addidas", "Addidas", 1, shoes), Named("nike", "Nike", 9)]
        >>> [(match.one_id, match.other_id, match.rule) for match in find("Brand", [*brands, Named("x", "X", 9, frozenset("y"))])]
        [('addidas', 'adidas', 'misspelt')]
    """
    rules = {"Brand": brand_pairs, "Category": category_pairs, "Product": product_pairs}
    if label not in rules:
        raise BadRequest(f"expected a label of {', '.join(rules)} (got {label!r})")
    if not 0 <= threshold <= 1:
        raise BadRequest(f"threshold must lie in 0..1 (got {threshold:g})")
    best: dict[tuple[str, str], Match] = {}
    for one, other, score, rule in rules[label](list(named), vectors):
        pair = (min(one.id, other.id), max(one.id, other.id))
        if score >= threshold and (pair not in best or best[pair].score < score):
            best[pair] = Match(label, *pair, round(score, 4), rule)
    return sorted(best.values(), key=lambda match: (-match.score, match.one_id, match.other_id))

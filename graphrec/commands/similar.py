"""graphrec similar: products like one."""

from graphrec import console
from graphrec.console import Json, K, Model, Product

EXAMPLE = "Example: graphrec similar shop.model B00005N7P0"


def run(model: Model, product: Product, k: K = 10, as_json: Json = False) -> None:
    """The products most similar to one."""
    from graphrec.ranker import Ranker

    console.print_ranking(Ranker.load(model).similar(product, k), as_json=as_json, asked="product")

"""graphrec explain: why a product suits a user."""

import json
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Json, Model, Product

EXAMPLE = "Example: graphrec explain shop.model A2M1CU2IRZG0K9 B00005N7PS"


def run(
    model: Model,
    user: Annotated[str, typer.Argument(metavar="USER", help="A user's id.")],
    product: Product,
    as_json: Json = False,
) -> None:
    """Say why a product suits a user: the paths of the graph and their shares of the score."""
    from graphrec.ranker import Ranker

    found = Ranker.load(model).explain(user, product)
    reasons = json.loads(found.to_pandas().to_json(orient="records"))
    shown = {"user": user, "item": product, "score": found.score, "baseline": found.baseline, "reasons": reasons}
    console.show(shown, str(found), as_json=as_json)

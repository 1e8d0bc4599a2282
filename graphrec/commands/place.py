"""graphrec place: where a product that is in no graph yet stands."""

import json
from typing import Annotated

import typer

from graphrec import console
from graphrec.console import Json, K, Model

EXAMPLE = "Example: graphrec place shop.model --title 'Trail shoe for winter' --brand Acme --category Running"


def run(
    model: Model,
    title: Annotated[str | None, typer.Option(help="What the product is called.")] = None,
    description: Annotated[str | None, typer.Option(help="What else is said of it.")] = None,
    brand: Annotated[str | None, typer.Option(help="Who makes it: a brand's name or id.")] = None,
    category: Annotated[list[str] | None, typer.Option(help="Where it belongs: a name or id; may be repeated.")] = None,
    price: Annotated[float | None, typer.Option(help="What it costs.")] = None,
    said: Annotated[
        list[str] | None, typer.Option("--also", metavar="NAME=VALUE", help="Another node it is tied to; may be repeated.")
    ] = None,
    k: K = 10,
    users: Annotated[int, typer.Option(min=1, help="How many likely users to name.")] = 20,
    as_json: Json = False,
) -> None:
    """Place a product that is not in the graph: similar products and likely users, by what is said of it."""
    from graphrec.ranker import Ranker

    product: dict[str, object] = {
        "title": title,
        "description": description,
        "brand": brand,
        "category": category,
        "price": price,
    }
    product = {key: value for key, value in product.items() if value is not None}
    for one in said or ():
        name, equals, value = (part.strip() for part in one.partition("="))
        if not equals:
            raise typer.BadParameter(f"expected NAME=VALUE (got {one!r})", param_hint="--also")
        product[name] = value
    found = Ranker.load(model).place(product, k=k, users=users)
    similar = json.loads(found.similar.to_pandas()[["item", "rank", "score"]].to_json(orient="records"))
    likely = json.loads(found.users.to_pandas()[["user", "rank", "score"]].to_json(orient="records"))
    shown = {"product": found.title, "similar": similar, "users": likely, "notes": list(found.notes)}
    console.show(shown, repr(found), as_json=as_json)

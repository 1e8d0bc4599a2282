"""A small generated shop whose right answers are known: tests, notebooks and the quick start run on it.

Planted are: tastes (every user prefers one brand in one category), look-alike spellings of brands, cold products whose text
gives them away, a trend, a churn, products with Chinese titles, and dirt with the reasons for which it must be refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from kg_builder.dumps import Dump
from kg_builder.values import DAY

START = 1672531200
"""2023-01-01, the shop's first day."""
DAYS = 360
"""The shop's history in days; its last 30 hold the trend."""

Taste = tuple[str, str]
"""(category id, brand id)."""


@dataclass(frozen=True, slots=True)
class _Shelf:
    """A category, the words its titles are made of, and its two brands as positions in `_BRANDS`."""

    path: tuple[str, str]
    words: tuple[str, ...]
    brands: tuple[int, int]


_SHELVES = (
    _Shelf(("Kitchen", "Coffee"), ("espresso", "grinder", "kettle", "roast", "filter", "crema", "barista"), (0, 1)),
    _Shelf(("Kitchen", "Baking"), ("sourdough", "whisk", "rolling pin", "yeast", "cake tin", "dough", "oven"), (1, 2)),
    _Shelf(("Sports", "Running"), ("marathon", "sneaker", "sprint", "jogging", "insole", "trail", "pace"), (2, 3)),
    _Shelf(("Sports", "Climbing"), ("carabiner", "rope", "harness", "chalk", "boulder", "belay", "summit"), (3, 4)),
    _Shelf(("Garden", "Seeds"), ("tomato", "basil", "sunflower", "compost", "sprout", "soil", "bloom"), (4, 5)),
    _Shelf(("音乐", "吉他"), ("吉他", "琴弦", "拨片", "木吉他", "调音器", "和弦", "琴包"), (5, 0)),
)
_BRANDS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("acme", ("Acme", "Acme", "ACME", "Acme.", "A c m e")),
    ("acmé", ("Acmé",)),
    ("borealis", ("Borealis", "Borealis", "borealis")),
    ("fjord&søn", ("Fjord & Søn", "Fjord & Søn", "FJORD & SØN")),
    ("embercoal", ("Ember-Coal", "Ember-Coal", "Ember Coal")),
    ("华星", ("华星",)),
)
_CLUSTERS = tuple((shelf, brand) for shelf in _SHELVES for brand in shelf.brands)
_CITIES = ("Oslo", "Graz", "Xi'an", "Lima")


@dataclass(frozen=True, slots=True)
class Truth:
    """What is planted, so that a test can ask for it."""

    tastes: Mapping[str, Taste]
    """Each user's preferred brand in a category; four choices of five are of it."""
    products: Mapping[str, Taste]
    """Each product's category and brand."""
    brands: Mapping[str, frozenset[str]]
    """Each brand's id with all the spellings that mean it."""
    cold: tuple[str, ...]
    """Products nobody chose: words of title and description are those of their category."""
    trend: str
    """The product that takes off in the last 30 days."""
    churned: tuple[str, ...]
    """Users who do nothing in the last 120 days; everybody else does something in the last 30."""
    chinese: tuple[str, ...]
    """Products with a Chinese title."""
    html: tuple[str, str]
    """A product whose title is HTML, and the title it must get."""
    rejected: Mapping[str, int]
    """How many rows must be refused, by reason."""


@dataclass(frozen=True, slots=True)
class Planted:
    """The shop and the truth about it."""

    dump: Dump
    truth: Truth


def planted_shop(*, users: int = 200, products: int = 120, seed: int = 0) -> Dump:
    """The shop alone; see `plant`.

    Example:
        >>> from kg_builder.tabulation import tabulate
        >>> nodes, edges = tabulate(planted_shop()).counts()
        >>> nodes["User"], nodes["Brand"]
        (200, 6)
    """
    return plant(users=users, products=products, seed=seed).dump


def plant(*, users: int = 200, products: int = 120, seed: int = 0) -> Planted:
    """A shop of this size with what is planted in it; the same seed gives the same shop.

    Args:
        users: at least 12, one a taste.
        products: at least 36, three a taste.
        seed: of the random generator.

    Raises:
        ValueError: too few users or products to plant anything in.
    """
    frames, truth = _plant(users, products, np.random.default_rng(seed))
    products_, users_, reviews, events = (frames[name] for name in ("products", "users", "reviews", "events"))
    dump = Dump("planted", "planted", products=products_, users=users_, reviews=reviews, events=events)
    return Planted(dump, truth)


def write_planted(folder: Path | str, *, users: int = 200, products: int = 120, seed: int = 0) -> Truth:
    """The folder holds the shop as tables: products and reviews as CSV, users and events as Parquet. Returns the truth."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    frames, truth = _plant(users, products, np.random.default_rng(seed))
    tables = {name: frame.drop("file", "line").collect() for name, frame in frames.items()}
    paths = pl.col("categories").list.eval(pl.element().list.join(" > ")).list.join("|")
    tables["products"].with_columns(paths, pl.col("also_bought").list.join("|")).write_csv(folder / "products.csv")
    tables["reviews"].write_csv(folder / "reviews.csv")
    tables["users"].write_parquet(folder / "users.parquet")
    tables["events"].write_parquet(folder / "events.parquet")
    return truth


Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class _Shop:
    users: int
    products: int

    def cluster(self, product: int) -> int:
        """Products and users go round the tastes."""
        return product % len(_CLUSTERS)

    def is_cold(self, product: int) -> bool:
        """The last product of every taste."""
        return product >= self.products - len(_CLUSTERS)

    def warm(self, cluster: int) -> np.ndarray:
        """Rows of a taste's products that are sold."""
        return np.arange(cluster, self.products - len(_CLUSTERS), len(_CLUSTERS))

    def has_churned(self, user: int) -> bool:
        """Every tenth user."""
        return user % 10 == 7


def _plant(users: int, products: int, draw: np.random.Generator) -> tuple[dict[str, pl.LazyFrame], Truth]:
    for what, count, least in (("users", users, len(_CLUSTERS)), ("products", products, 3 * len(_CLUSTERS))):
        if count < least:
            raise ValueError(f"{what} must be at least {least} (got {count})")
    shop = _Shop(users, products)
    goods = _products(shop, draw)
    events, reviews = _choices(shop, draw)
    rejected = _soil(goods, events, reviews)
    people: list[Row] = [
        {"id": _user(row), "city": _CITIES[row % len(_CITIES)], "newsletter": row % 3 == 0} for row in range(users)
    ]
    rows = {"products": goods, "users": people, "reviews": reviews, "events": events}
    return {name: _frame(name, table) for name, table in rows.items()}, _truth(shop, goods, rejected)


def _user(row: int) -> str:
    return f"u{row:04d}"


def _product(row: int) -> str:
    return f"p{row:04d}"


def _products(shop: _Shop, draw: np.random.Generator) -> list[Row]:
    rows: list[Row] = []
    for product in range(shop.products):
        shelf, brand = _CLUSTERS[shop.cluster(product)]
        spellings = _BRANDS[brand][1]
        words = draw.permutation(np.array(shelf.words))[:5].tolist()
        same = [row for row in shop.warm(shop.cluster(product)).tolist() if row != product]
        chosen = draw.permutation(np.array(same))[:3].tolist() if not shop.is_cold(product) else []
        rows.append(
            {
                "id": _product(product),
                "title": f"{words[0]} {words[1]} {product}",
                "description": f"For {words[2]}, {words[3]} and {words[4]}.",
                "price": f"${5 + draw.integers(0, 4000) / 100:.2f}",
                "brand": spellings[int(draw.integers(len(spellings)))],
                "categories": [list(shelf.path)],
                "also_bought": [_product(row) for row in chosen],
                "color": ("red", "green", "blue")[product % 3],
            }
        )
    return rows


def _choices(shop: _Shop, draw: np.random.Generator) -> tuple[list[Row], list[Row]]:
    """Events and reviews of everybody, in the order of the users."""
    events: list[Row] = []
    reviews: list[Row] = []
    trend = _trend(shop)
    for user in range(shop.users):
        own = shop.cluster(user)
        last = DAYS - 120 if shop.has_churned(user) else DAYS
        days = draw.integers(0, last, size=19)
        if not shop.has_churned(user):
            days[-1] = DAYS - 1 - int(draw.integers(30))
        for day in np.sort(days).tolist():
            product = _choice(shop, own, draw)
            if day >= DAYS - 30 and draw.random() < 0.35:
                product = trend
            at = START + day * DAY + int(draw.integers(DAY))
            kind = ("viewed", "carted", "bought")[int(np.searchsorted((0.55, 0.7), draw.random()))]
            key = f"o{len(events)}" if kind == "bought" else None
            amount = float(1 + draw.integers(3)) if kind == "bought" else None
            events.append(
                {"user": _user(user), "product": _product(product), "event": kind, "key": key, "at": at, "quantity": amount}
            )
            if kind == "bought" and draw.random() < 0.4:
                reviews.append(_review(user, product, shop.cluster(product) == own, at + 3 * DAY, draw))
    return events, reviews


def _choice(shop: _Shop, own: int, draw: np.random.Generator) -> int:
    """A sold product: of the user's taste four times in five, else mostly of the same category."""
    luck = draw.random()
    cluster = own if luck < 0.8 else own ^ 1 if luck < 0.95 else int(draw.integers(len(_CLUSTERS)))
    there = shop.warm(cluster)
    return int(there[int(len(there) * draw.random() ** 2)])


def _review(user: int, product: int, liked: bool, at: int, draw: np.random.Generator) -> Row:
    rating = float(4 + draw.integers(2) if liked else 1 + draw.integers(3))
    text = ("Just what I was looking for." if liked else "Not for me.") + f" {rating:.0f} of 5."
    title = "Great" if liked else "Meh"
    row: Row = {"user": _user(user), "product": _product(product), "rating": rating, "title": title}
    return row | {"text": text, "at": at, "helpful": int(draw.integers(4))}


def _trend(shop: _Shop) -> int:
    """The least sold of the first taste's warm products."""
    return int(shop.warm(0)[-1])


def _soil(goods: list[Row], events: list[Row], reviews: list[Row]) -> dict[str, int]:
    """Put dirt among the rows; returns how many rows must be refused, by reason."""
    goods[0]["title"] = f"<b>{goods[0]['title']}</b> &amp; <i>more</i>"
    goods[1]["also_bought"] = [goods[1]["id"], "x-unlisted"]
    goods.append({"id": goods[2]["id"], "title": goods[2]["title"]})
    goods.append({"id": None, "title": "nobody knows which"})
    reviews.append({**reviews[0]})
    reviews.append({**reviews[1], "rating": 9.0, "at": reviews[1]["at"]})
    events.append({**events[0], "at": 3_800_000_000})
    events.append({**events[0], "user": " "})
    events.append({**events[0], "event": "teleported"})
    return {
        "a product cannot be also_bought with itself": 1,
        "the product is described more than once": 1,
        "product id is missing": 1,
        "the review is there more than once": 1,
        "rating must lie in 1..5": 1,
        "time must lie between 1995-01-01 and tomorrow": 1,
        "user id is missing": 1,
        "event must be viewed, carted, bought or interacted": 1,
    }


def _frame(name: str, rows: list[Row]) -> pl.LazyFrame:
    placed = [{**row, "file": f"planted {name}", "line": line} for line, row in enumerate(rows, 1)]
    return pl.DataFrame(placed, infer_schema_length=None).lazy()


def _truth(shop: _Shop, goods: list[Row], rejected: Mapping[str, int]) -> Truth:
    taste = [(" > ".join(shelf.path), _BRANDS[brand][0]) for shelf, brand in _CLUSTERS]
    rows = range(shop.products)
    return Truth(
        tastes={_user(row): taste[shop.cluster(row)] for row in range(shop.users)},
        products={_product(row): taste[shop.cluster(row)] for row in rows},
        brands={name: frozenset(spellings) for name, spellings in _BRANDS},
        cold=tuple(_product(row) for row in rows if shop.is_cold(row)),
        trend=_product(_trend(shop)),
        churned=tuple(_user(row) for row in range(shop.users) if shop.has_churned(row)),
        chinese=tuple(_product(row) for row in rows if _CLUSTERS[shop.cluster(row)][0].path[0] == "音乐"),
        html=(_product(0), str(goods[0]["title"]).replace("<b>", "").replace("</b> &amp; <i>more</i>", " & more")),
        rejected=rejected,
    )

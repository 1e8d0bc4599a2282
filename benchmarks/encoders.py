"""Variants of the graph encoder side by side: python benchmarks/encoders.py --data FOLDER

--data holds the splits, a folder each (train.tsv, valid.tsv, and maybe items.jsonl, kg.tsv). Every variant is trained on
train.tsv alone, by one seed, over the same training loop, questions and start, as many steps, and ranks valid.tsv: such a
comparison is a choice, so test.tsv is not read. Texts are not read either. Differences are paired over the users.
"""

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.extmath import randomized_svd
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, normalize

import kg_builder
from graphrec.encoder import Block, Encoded, Encoder, EncoderConfig, unit
from graphrec.lists import read_pairs
from graphrec.metrics import counts, hits, ndcg, top
from graphrec.pipeline import read
from graphrec.propagation import Adjacency, normalised, propagate
from graphrec.questions import Questions, RankingConfig
from graphrec.significance import interval, paired
from graphrec.tensors import KnownGraph
from graphrec.training import TrainConfig, train

_BATCH, _EDGES = 512, 1 << 16


class Plain(Encoder):
    """The product's own: one weight a relation. Over the interactions alone it is LightGCN (He et al., SIGIR 2020)."""

    def __init__(self, block: Block, known: KnownGraph, config: EncoderConfig) -> None:  # noqa: ARG002 (variants need it)
        super().__init__(block, None, config)

    def extra(self, encoded: Encoded) -> Tensor:
        """What is added to the ranking loss."""
        return encoded.users.new_zeros(())


class Attentive(Plain):
    """Neighbours weigh by attention: KGAT (Wang et al., KDD 2019, arXiv:1905.07854), equations 4 and 5.

    As there, the attention is worked out from the vectors as they are, without a gradient. The cosine of the ends stands for its
    TransR score, and D^-½ A D^-½ of exp(cosine), relation by relation, for its softmax over the neighbours, since the product
    with the graph needs it symmetric.
    """

    def forward(self, block: Block, adjacency: Adjacency, *, known: Tensor | None = None) -> Encoded:
        return super().forward(block, replace(adjacency, norm=self.attention(block, adjacency)), known=known)

    @torch.no_grad()
    def attention(self, block: Block, adjacency: Adjacency) -> Tensor:
        nobody = self.context.new_zeros(block.users, self.context.shape[1])
        says = torch.cat([nobody, self.context, self.others])
        users = propagate(adjacency, says, self.relation_weights(), rows=block.users)
        vectors = normalize(torch.cat([users, self.target, self.others]))  # [n, d]
        row, column, kinds = adjacency.row.long(), adjacency.indices.long(), len(block.relations)
        pieces = zip(row.split(_EDGES), column.split(_EDGES), strict=True)
        alike = torch.cat([(vectors[i] * vectors[j]).sum(dim=1) for i, j in pieces])
        strength = alike.exp()  # [entries]
        sums = strength.new_zeros(adjacency.size * kinds).index_add_(0, row * kinds + adjacency.kind, strength)
        return strength * (sums[row * kinds + adjacency.kind] * sums[column * kinds + adjacency.kind]).rsqrt()


class Intents(Plain):
    """u ∘ (1 + Σ_p β(u, p) e_p), and relations that weigh each part of the vectors in their own way.

    Source: KGIN (Wang et al., WWW 2021, arXiv:2102.07057), equations 1, 5 and 10: intents p, and messages e_r ∘ e_v along paths.
    A relation's vector e_r has one number for each of four parts here, so that all relations go in four products with the graph.
    """

    intents, parts = 4, 4

    def __init__(self, block: Block, known: KnownGraph, config: EncoderConfig) -> None:
        super().__init__(block, known, config)
        self.intent = nn.Parameter(torch.randn(self.intents, config.width) * 0.1)
        self.gates = nn.Parameter(torch.zeros(self.parts, len(block.relations)))

    def forward(self, block: Block, adjacency: Adjacency, *, known: Tensor | None = None) -> Encoded:
        target, context = (table if known is None else table * known for table in (self.target, self.context))
        says = torch.cat([context.new_zeros(block.users, context.shape[1]), context, torch.zeros_like(self.others)])
        users = propagate(adjacency, says, self.relation_weights(), rows=block.users)
        hop = total = torch.cat([users, target, self.others])  # [n, d]
        weights = (self.relation_weights() * self.gates.exp()).unbind()
        for _ in range(self.layers):
            pieces = zip(hop.chunk(self.parts, dim=1), weights, strict=True)
            hop = torch.cat([propagate(adjacency, piece, weight) for piece, weight in pieces], dim=1)
            total = total + hop
        users, products = total[: block.users], total[block.users : block.users + block.products]
        share = (normalize(users) @ normalize(self.intent).T / 0.2).softmax(dim=1)  # [users, intents]
        return Encoded(users * (1 + share @ self.intent), products, context)


class Noisy(Plain):
    """A second view of the same vectors under noise is told apart from those of others.

    Source: XSimGCL (Yu et al., TKDE 2023, arXiv:2209.02544), with the noise on the sum of the layers in place of every layer.
    """

    noise, share, temperature = 0.2, 0.1, 0.2

    def forward(self, block: Block, adjacency: Adjacency, *, known: Tensor | None = None) -> Encoded:
        encoded = super().forward(block, adjacency, known=known)
        if not torch.is_grad_enabled():
            return encoded
        return replace(encoded, users=self.moved(encoded.users), products=self.moved(encoded.products))

    def moved(self, vectors: Tensor) -> Tensor:
        step = normalize(torch.rand_like(vectors)) * vectors.sign() * self.noise
        return vectors + step * vectors.norm(dim=1, keepdim=True).detach()

    def extra(self, encoded: Encoded) -> Tensor:
        pairs = ((one, self.moved(one)) for one in (encoded.users, encoded.products))
        return self.share * sum((told_apart(*pair, self.temperature) for pair in pairs), encoded.users.new_zeros(()))


class Views(Plain):
    """The second view goes over the leading singular vectors of the interactions.

    Source: LightGCL (Cai et al., ICLR 2023, arXiv:2302.08191), with one hop over them.
    """

    rank, share, temperature = 5, 0.1, 0.2

    def __init__(self, block: Block, known: KnownGraph, config: EncoderConfig) -> None:
        super().__init__(block, known, config)
        left, values, right = randomized_svd(normalised(known.matrix), n_components=self.rank, random_state=0)
        self.left, self.right = (torch.from_numpy(np.ascontiguousarray(one)).float() for one in (left * values, right.T))

    def extra(self, encoded: Encoded) -> Tensor:
        users = self.left @ (self.right.T @ encoded.products)
        products = self.right @ (self.left.T @ encoded.users)
        first = told_apart(encoded.users, users, self.temperature)
        return self.share * (first + told_apart(encoded.products, products, self.temperature))


def told_apart(one: Tensor, other: Tensor, temperature: float) -> Tensor:
    """InfoNCE: of some rows drawn at random, each is nearest to its own other view."""
    rows = torch.randperm(len(one))[:_BATCH]
    near = normalize(one[rows]) @ normalize(other[rows]).T / temperature
    return cross_entropy(near, torch.arange(len(rows)))


@dataclass(frozen=True)
class Variant:
    name: str
    kind: type[Plain] = Plain
    relations: bool = False
    """Whether edges besides the interactions are read."""


FIRST = Variant("LightGCN: interactions alone")
VARIANTS = (
    FIRST,
    Variant("one weight a relation", relations=True),
    Variant("KGAT: attention", Attentive, relations=True),
    Variant("KGIN: intents and paths", Intents, relations=True),
    Variant("XSimGCL: noise", Noisy),
    Variant("LightGCL: singular vectors", Views),
)


@dataclass(frozen=True)
class Asked:
    """A split: what is known of it, and what is asked of `users`."""

    known: KnownGraph
    users: np.ndarray
    truth: sp.csr_matrix


def asked(folder: Path, most: int) -> Asked:
    """The split of this folder; at most so many users, drawn at random."""
    with tempfile.TemporaryDirectory() as scratch:
        for name in ("train.tsv", "items.jsonl", "kg.tsv"):
            if (folder / name).exists():
                shutil.copy(folder / name, scratch)
        kg_builder.build(scratch, into=f"{scratch}/graph")
        with kg_builder.connect(f"{scratch}/graph", read_only=True) as store:
            known, _ = read(store)
    rows = [(known.users.row_of.get(user), known.products.row_of.get(item)) for user, item in read_pairs(folder / "valid.tsv")]
    user, product = np.array([pair for pair in rows if None not in pair], dtype=np.int64).T
    wanted = sp.csr_matrix((np.ones(len(user), dtype=np.float32), (user, product)), shape=known.matrix.shape)
    users = np.flatnonzero(np.diff(wanted.indptr))
    if len(users) > most:
        users = np.sort(np.random.default_rng(0).choice(users, most, replace=False))
    return Asked(known, users, wanted[users])


def measured(variant: Variant, split: Asked, config: TrainConfig, ranking: RankingConfig, encoder: EncoderConfig) -> np.ndarray:
    """[users] NDCG@20 of the trained variant."""
    torch.manual_seed(0)
    block = Block.of(split.known, described=variant.relations)
    model = variant.kind(block, split.known, encoder)
    model.start(split.known.matrix, 0)
    questions = Questions.of(block, None, ranking, 0)
    with last(model) as seen:
        train(model, lambda: questions.loss(model) + model.extra(seen()), config, planned=config.steps)
    with torch.no_grad():
        encoded = model(block, block.adjacency(torch.ones(block.pairs.shape[1], dtype=torch.bool)))
        users, products = unit(encoded.users[split.users]), unit(encoded.products)
        offsets = model.offsets(torch.from_numpy(np.bincount(block.pairs[1], minlength=block.products).astype(np.float32)))
    found = []
    for start in range(0, len(split.users), _BATCH):
        scores = (users[start : start + _BATCH] @ products.T + offsets).numpy()
        scores[:, ~split.known.listed | ~products.any(dim=1).numpy()] = -np.inf
        scores[split.known.matrix[split.users[start : start + _BATCH]].nonzero()] = -np.inf
        found.append(top(scores, 20))
    return ndcg(hits(np.concatenate(found), split.truth), counts(split.truth))


@contextmanager
def last(model: Plain) -> Iterator[Callable[[], Encoded]]:
    """A function that gives what the model's latest pass gave."""
    kept: list[Encoded] = []
    hook = model.register_forward_hook(lambda _model, _told, encoded: kept.__setitem__(slice(None), [encoded]))
    yield lambda: kept[0]
    hook.remove()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder of splits")
    parser.add_argument("--splits", default="ml100k-kg,beauty,gowalla")
    parser.add_argument("--steps", type=int, default=40)
    parser.add_argument("--dim", type=int, default=64)
    parser.add_argument("--temperature", type=float, default=0.15)
    parser.add_argument("--users", type=int, default=5000, help="most users whose lists are measured")
    args = parser.parse_args()
    encoder, ranking = EncoderConfig(dim=args.dim, seeds=1), RankingConfig(temperature=args.temperature)
    print(f"{'':<44} {'NDCG@20':>8} {'95% interval':>18} {'beside the first':>28} {'wall s':>7} {'processor s':>12}")
    for name in args.splits.split(","):
        split, first = asked(args.data / name, args.users), np.zeros(0)
        for variant in VARIANTS:
            if variant.relations and not split.known.relations and variant.kind is Plain:
                continue
            watch, worked = time.perf_counter(), time.process_time()
            values = measured(variant, split, TrainConfig(steps=args.steps), ranking, encoder)
            watch, worked = time.perf_counter() - watch, time.process_time() - worked
            first = values if variant is FIRST else first
            told, beside = "[{:.4f}, {:.4f}]".format(*interval(values)), paired(first, values)
            more = "-" if variant is FIRST else f"{beside.difference:+.4f} [{beside.low:+.4f}, {beside.high:+.4f}]"
            print(f"{name:<12} {variant.name:<31} {values.mean():8.4f} {told:>18} {more:>28} {watch:7.1f} {worked:12.1f}")


if __name__ == "__main__":
    main()

"""RecBole's own evaluation of given factors; runs in RecBole's environment, with no graphrec in it.

    python benchmarks/recbole_evaluation.py FOLDER -k 20 --repeats 3

FOLDER holds users.npy and products.npy (factors), train.npy and test.npy ([2, m] rows of users and products). Prints one line of
JSON: the figures, and the seconds of the fastest repeat.
"""

import argparse
import json
import os
import time
from pathlib import Path

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.model.abstract_recommender import GeneralRecommender
from recbole.trainer import Trainer
from recbole.utils import InputType

USERS_AT_A_TIME = 512


class Factors(GeneralRecommender):
    """score(user, i) = x_user · y_i."""

    input_type = InputType.PAIRWISE

    def __init__(self, config, dataset):  # noqa: ANN001, ANN204
        super().__init__(config, dataset)
        folder = Path(config["data_path"]).parent
        self.users, self.products = (
            _ordered(np.load(folder / f"{name}.npy"), dataset.field2id_token[field])
            for name, field in (("users", "user_id"), ("products", "item_id"))
        )
        self.unused = torch.nn.Parameter(torch.zeros(1))  # a trainer wants something to train

    def full_sort_predict(self, interaction):  # noqa: ANN001, ANN201
        return self.users[interaction["user_id"]] @ self.products.T


def _ordered(factors: np.ndarray, tokens: np.ndarray) -> torch.Tensor:
    """The factors in RecBole's order, whose row 0 is for padding."""
    rows = torch.from_numpy(factors[tokens[1:].astype(np.int64)])
    return torch.cat([torch.zeros(1, rows.shape[1]), rows])


def write(folder: Path) -> None:
    """FOLDER/split holds RecBole's files; it wants a validation part, which gets one choice of the training."""
    (folder / "split").mkdir(exist_ok=True)
    train, test = (np.load(folder / f"{name}.npy") for name in ("train", "test"))
    for name, pairs in (("train", train[:, 1:]), ("valid", train[:, :1]), ("test", test)):
        lines = "".join(f"{user}\t{product}\n" for user, product in pairs.T)
        (folder / "split" / f"split.{name}.inter").write_text(f"user_id:token\titem_id:token\n{lines}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("-k", type=int, default=20)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    folder = options.folder.resolve()
    os.chdir(folder)  # it leaves logs where it stands
    write(folder)
    products = len(np.load(folder / "products.npy"))
    told = {
        "data_path": str(folder),
        "benchmark_filename": ["train", "valid", "test"],
        "load_col": {"inter": ["user_id", "item_id"]},
        "metrics": ["Recall", "Precision", "NDCG", "MRR", "MAP", "Hit"],
        "valid_metric": f"NDCG@{options.k}",
        "topk": [options.k],
        "eval_args": {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user", "mode": "full"},
        "eval_batch_size": USERS_AT_A_TIME * (products + 1),
        "metric_decimal_place": 10,
        "checkpoint_dir": str(folder),
        "show_progress": False,
        "use_gpu": False,
    }
    config = Config(model=Factors, dataset="split", config_dict=told)
    dataset = create_dataset(config)
    training, _, test = data_preparation(config, dataset)
    trainer = Trainer(config, Factors(config, training.dataset))
    spent = []
    for _ in range(options.repeats):
        wall, worked = time.perf_counter(), time.process_time()
        figures = trainer.evaluate(test, load_best_model=False)
        spent.append((time.process_time() - worked, time.perf_counter() - wall))
    worked, wall = (min(one) for one in zip(*spent, strict=True))
    print(json.dumps({"figures": {name: float(value) for name, value in figures.items()}, "processor": worked, "wall": wall}))


if __name__ == "__main__":
    main()

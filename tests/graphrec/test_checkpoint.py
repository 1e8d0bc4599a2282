import json
import shutil

import numpy as np
import pytest

from graphrec import BadRequest, ModelDamaged, ModelMissing, Ranker


@pytest.fixture
def saved(ranker, tmp_path):
    ranker.save(tmp_path / "shop.model")
    return tmp_path / "shop.model"


def test_a_loaded_model_answers_as_the_one_that_was_saved(ranker, saved):
    loaded = Ranker.load(saved)
    users = list(ranker.model.known.users.names)
    assert loaded.rank(users).to_pandas().equals(ranker.rank(users).to_pandas())
    assert str(loaded.explain("u0001", "p0013")) == str(ranker.explain("u0001", "p0013"))
    assert loaded.similar("p0001").to_pandas().equals(ranker.similar("p0001").to_pandas())
    assert loaded.to_graph() == ranker.to_graph()
    assert loaded.summary == ranker.summary
    assert list(loaded.rank("u0001").titles) == list(ranker.rank("u0001").titles)


def test_a_model_moved_elsewhere_still_answers(ranker, saved, tmp_path):
    moved = shutil.move(saved, tmp_path / "elsewhere")
    assert list(Ranker.load(moved).rank("u0001").items) == list(ranker.rank("u0001").items)


def test_a_model_holds_nothing_that_can_run_and_no_address_of_this_machine(saved, tmp_path):
    names = {path.name for path in saved.iterdir()}
    assert {path.suffix for path in saved.iterdir()} == {".json", ".safetensors"}
    assert not any(str(tmp_path).encode() in (saved / name).read_bytes() for name in names)


def test_saving_twice_writes_the_same_bytes(ranker, saved, tmp_path):
    ranker.save(tmp_path / "again")
    for path in saved.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_an_older_model_is_replaced_whole(ranker, saved):
    (saved / "left-over.json").write_text("{}")
    ranker.save(saved)
    assert not (saved / "left-over.json").exists()
    assert sorted(path.name for path in saved.parent.iterdir()) == ["shop.model"]


def test_a_folder_that_is_no_model_is_never_overwritten(ranker, tmp_path):
    (tmp_path / "holiday").mkdir()
    (tmp_path / "holiday" / "photo.jpg").write_text("irreplaceable")
    with pytest.raises(BadRequest, match="no graphrec model"):
        ranker.save(tmp_path / "holiday")
    assert (tmp_path / "holiday" / "photo.jpg").read_text() == "irreplaceable"
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(BadRequest, match="no graphrec model"):
        ranker.save(tmp_path / "letter.txt")


def test_a_save_that_fails_leaves_the_older_model(ranker, saved, monkeypatch):
    def full(*_):
        raise OSError("no space left on device")

    monkeypatch.setattr("graphrec.checkpoint.save_file", full)
    with pytest.raises(OSError, match="no space"):
        ranker.save(saved)
    monkeypatch.undo()
    assert len(Ranker.load(saved).rank("u0001")) == 10
    assert sorted(path.name for path in saved.parent.iterdir()) == ["shop.model"]


def test_a_missing_model_is_said_in_a_line(tmp_path):
    with pytest.raises(ModelMissing, match=r"no such folder.*graphrec fit") as caught:
        Ranker.load(tmp_path / "nowhere")
    assert "\n" not in str(caught.value)
    with pytest.raises(ModelMissing, match=r"no model\.json in it"):
        Ranker.load(tmp_path)


@pytest.mark.parametrize("name", ["ids.json", "names.json", "graph.safetensors", "text.safetensors", "blend.safetensors"])
@pytest.mark.parametrize("harm", ["gone", "cut", "changed"])
def test_a_damaged_model_is_said_in_a_line(saved, name, harm):
    path = saved / name
    content = path.read_bytes()
    if harm == "gone":
        path.unlink()
    else:
        path.write_bytes(content[: len(content) // 2] if harm == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(ModelDamaged, match="fit again or restore") as caught:
        Ranker.load(saved)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("head", ["{", "[]", '{"format": "graphrec model"}', '{"format": "cake", "version": 1}'])
def test_a_head_that_cannot_be_read_is_a_damaged_model(saved, head):
    (saved / "model.json").write_text(head)
    with pytest.raises(ModelDamaged):
        Ranker.load(saved)


def test_a_head_without_its_parts_is_a_damaged_model(saved):
    head = json.loads((saved / "model.json").read_text())
    for part in ("files", "blend", "relations", "summary", "ordered", "name", "text_model"):
        (saved / "model.json").write_text(json.dumps({key: value for key, value in head.items() if key != part}))
        with pytest.raises(ModelDamaged, match="does not hold together"):
            Ranker.load(saved)


def test_a_model_of_a_newer_graphrec_is_refused_with_what_to_do(saved):
    head = json.loads((saved / "model.json").read_text())
    (saved / "model.json").write_text(json.dumps({**head, "version": 99}))
    with pytest.raises(ModelDamaged, match=r"newer graphrec \(format 99, this one reads 1\); upgrade"):
        Ranker.load(saved)


def test_text_vectors_survive_saving(ranker, tmp_path):
    import dataclasses

    vectors = {"Product": np.eye(len(ranker.model.known.products), 4, dtype=np.float16)}
    with_text = Ranker(dataclasses.replace(ranker.model, text=vectors))
    with_text.save(tmp_path / "model")
    assert np.array_equal(Ranker.load(tmp_path / "model").model.text["Product"], vectors["Product"])

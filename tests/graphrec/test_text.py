"""Facts of the real default weights, laws of the cache and of TF-IDF."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sentence_transformers import SentenceTransformer
from sklearn.feature_extraction.text import TfidfVectorizer

from graphrec import text as text_module
from graphrec.errors import TextModelMissing
from graphrec.text import TextWarning, Tfidf, cache_folder, embed
from graphrec.text_cache import VectorCache, key_of

SHOP = ["running shoe", "trainers for jogging", "two-slice toaster", "red lipstick"]


class Watch:
    """Records what was embedded."""

    def __init__(self):
        self.calls = []

    def __call__(self, what, done, total):
        self.calls.append((what, done, total))


@pytest.fixture
def no_model(monkeypatch):
    """Loading a model is an error from here on."""

    def refuse(*_args, **_kwargs):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr(text_module._Weights, "load", refuse)


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    folder = tmp_path_factory.mktemp("vectors")
    return folder, embed(SHOP, cache=folder)


def test_a_running_shoe_is_closer_to_trainers_than_to_a_toaster(filled):
    shoe, trainers, toaster, _ = filled[1]
    assert shoe @ trainers > shoe @ toaster + 0.2


def test_rows_are_unit_vectors_and_a_blank_text_is_zero(filled):
    vectors = embed([*SHOP, "", "  \n"], cache=filled[0])
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 1, 1, 1, 0, 0], abs=1e-3)


def test_vectors_are_those_of_sentence_transformers(filled):
    model = SentenceTransformer(str(text_module._packaged()), device="cpu", local_files_only=True)
    expected = model.encode(SHOP, normalize_embeddings=True, show_progress_bar=False)
    assert (filled[1] * expected).sum(axis=1).min() > 0.99


def test_each_distinct_text_is_embedded_once(tmp_path):
    watch = Watch()
    vectors = embed(["a hat", "a hat", "a scarf", "a hat"], cache=tmp_path, progress=watch)
    assert watch.calls == [("embed texts", 2, 2)]
    assert (vectors[0] == vectors[[1, 3]]).all()
    assert not np.allclose(vectors[0], vectors[2])


def test_a_second_run_embeds_nothing_and_loads_no_model(filled, no_model):
    folder, first = filled
    watch = Watch()
    assert (embed(SHOP[::-1], cache=folder, progress=watch) == first[::-1]).all()
    assert watch.calls == []


def test_only_new_texts_are_embedded(tmp_path):
    embed(SHOP[:2], cache=tmp_path)
    watch = Watch()
    embed(SHOP[:3], cache=tmp_path, progress=watch)
    assert watch.calls == [("embed texts", 1, 1)]


def test_what_an_interruption_left_is_kept_and_the_rest_is_embedded_later(tmp_path, monkeypatch):
    monkeypatch.setattr(text_module, "_CHUNK", 2)

    def stop(_what, done, _total):
        if done == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed(SHOP, cache=tmp_path, progress=stop)
    watch = Watch()
    embed(SHOP, cache=tmp_path, progress=watch)
    assert watch.calls == [("embed texts", 2, 2)]


def test_a_torn_cache_file_costs_its_texts_a_second_embedding_and_nothing_else(filled, tmp_path, caplog):
    embed(SHOP, cache=tmp_path)
    (part,) = tmp_path.rglob("*.safetensors")
    part.write_bytes(part.read_bytes()[:-100])
    part.with_name(".unfinished.1").write_bytes(b"half a file")
    assert embed(SHOP, cache=tmp_path) == pytest.approx(filled[1], abs=1e-2)
    assert "ignoring" in caplog.text
    watch = Watch()
    embed(SHOP, cache=tmp_path, progress=watch)
    assert watch.calls == []


def test_a_folder_that_cannot_be_written_to_is_no_reason_to_stop(tmp_path, caplog):
    (tmp_path / "file").write_text("in the way")
    assert embed(["a hat"], cache=tmp_path / "file").shape == (1, 384)
    assert "cannot keep" in caplog.text


def test_two_processes_that_wrote_the_same_text_do_not_disagree(filled):
    cache = VectorCache(next(filled[0].iterdir()))
    known = cache.read([key_of(text) for text in SHOP])
    half = type(known)(known.keys[:2], known.vectors[:2], known.tokens[:2])
    cache.write(half)
    assert len(cache.read([key_of(text) for text in SHOP]).keys) == len(SHOP)


def test_the_cache_holds_no_pickle(filled):
    files = [path for path in filled[0].rglob("*") if path.is_file()]
    assert files
    assert all(path.suffix == ".safetensors" for path in files)


def test_the_cache_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.delenv("GRAPHREC_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "graphrec" / "text"
    monkeypatch.setenv("GRAPHREC_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


@pytest.mark.filterwarnings("always")
def test_text_the_model_cannot_read_is_a_warning_that_names_the_option_from_the_cache_too(tmp_path):
    chinese = ["红色连衣裙夏季新款", "蓝色牛仔裤男士"]
    with pytest.warns(TextWarning, match=r"% of the tokens of 2 texts are unknown .*--text-model"):
        embed(chinese, cache=tmp_path)
    with pytest.warns(TextWarning):
        embed(chinese, cache=tmp_path)


def test_a_few_unknown_tokens_are_no_warning(tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert embed(["A linen shirt for summer, the colour is 蓝 and it fits well"], cache=tmp_path).any()


@pytest.mark.parametrize("name", ["nobody/no-such-model", "no-such-model", "./no/such/folder", "/no/such/folder"])
def test_a_model_that_cannot_be_had_is_one_line_that_says_what_to_do(name, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(TextModelMissing, match="--text-model") as error:
        embed(["x"], model=name, cache=tmp_path)
    assert name in str(error.value)
    assert "\n" not in str(error.value)


def test_a_folder_without_a_model_is_refused(tmp_path):
    with pytest.raises(TextModelMissing, match=r"holds no text model"):
        embed(["x"], model=str(tmp_path))
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(TextModelMissing, match=r"holds no text model"):
        embed(["x"], model=str(tmp_path), cache=tmp_path)


def test_a_local_folder_is_a_model_of_its_own_in_the_cache(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for path in text_module._packaged().iterdir():
        (folder / path.name).symlink_to(path)
    one, other = Path(tmp_path / "cache"), embed(SHOP, cache=tmp_path / "cache")
    watch = Watch()
    assert embed(SHOP, model=str(folder), cache=one, progress=watch) == pytest.approx(other, abs=1e-3)
    assert watch.calls


WORDS = st.lists(st.text("abc é红-", max_size=12), max_size=8)


@given(texts=WORDS, later=WORDS, kind=st.sampled_from(["word", "char"]))
def test_tfidf_restored_reads_later_texts_the_same(texts, later, kind):
    fitted = Tfidf.fit(texts, kind)
    restored = Tfidf.restore(kind, fitted.arrays())
    assert restored.terms == fitted.terms
    assert (restored.transform(later) != fitted.transform(later)).nnz == 0


def test_tfidf_is_that_of_scikit_learn():
    texts = ["red cotton shirt", "red shoe", "blue cotton shirt", "blue shoe of cotton"]
    expected = TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True).fit_transform(texts)
    assert Tfidf.fit(texts, "word").transform(texts).toarray() == pytest.approx(expected.toarray(), abs=1e-6)


def test_characters_see_what_two_spellings_and_two_chinese_titles_share():
    texts = ["colour", "colours", "toaster", "toasters", "红色连衣裙", "蓝色连衣裙", "电子词典", "电子词典新款"]
    rows = Tfidf.fit(texts, "char").transform(texts)
    near = (rows @ rows.T).toarray()
    assert near[0, 1] > near[0, 2] == 0
    assert near[4, 5] > near[4, 6] == 0


def test_tfidf_of_nothing_is_no_columns():
    assert Tfidf.fit([], "word").transform(["a hat"]).shape == (1, 0)
    assert Tfidf.fit(["", ""], "char").transform([]).shape == (0, 0)

"""Full text finds the same rows in both databases: accents, case, beginnings, hyphenated names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from paod.database import open_database
from paod.store import EntryFilters, Store
from paod.store.words import LONGEST, words_of
from tests.databases import on_each_database, sqlite_url_in
from tests.store_tools import Syncs, empty_store, item

pytestmark = on_each_database

SHELF = {
    "postgres-database": "PostgreSQL, managed; 007 at 1.5e5 rows",
    "eks-container-app": "Größe: Straße, Crème BRÛLÉE, İstanbul",
    "naive-cafe": "Naïve café, ﬁnal Å and ᴰ",
    "wide": "数据库 データベース क्षि ελληνικά Ⅷ",
    "empty": "!!! --- ???",
    "long": "x" * 3000 + " end",
    "quoted": 'it\'s "quoted" & a:* <-> b | !c',
}


@pytest.fixture(name="store", scope="module")
def _store(tmp_path_factory: pytest.TempPathFactory, each_database: str) -> Iterator[Store]:
    store = empty_store(tmp_path_factory.mktemp("shelf"))
    documents = {
        f"catalog/x/{name}.yaml": item(name, description=text) for name, text in SHELF.items()
    }
    Syncs(store).sync(documents)
    yield store
    store.close()


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("postgres", ["postgres-database"]),
        ("POSTGRES database", ["postgres-database"]),
        ("postgres-data", ["postgres-database"]),
        ("data", ["postgres-database"]),
        ("base", []),
        ("00", ["postgres-database"]),
        ("5e5", ["postgres-database"]),
        ("grosse", ["eks-container-app"]),
        ("größe strasse", ["eks-container-app"]),
        ("grÖß", ["eks-container-app"]),
        ("creme brulee", ["eks-container-app"]),
        ("istanbul", ["eks-container-app"]),
        ("container-app eks", ["eks-container-app"]),
        ("naïve CAFÉ", ["naive-cafe"]),
        ("final", ["naive-cafe"]),
        ("d", ["naive-cafe", "postgres-database"]),
        ("数据", ["wide"]),
        ("データ", ["wide"]),
        ("ΕΛΛΗΝΙΚΆ", ["wide"]),
        ("viii", ["wide"]),
        ("empty", ["empty"]),
        ("x" * 3000, ["long"]),
        ("x" * 2000, ["long"]),
        ("quoted a b c s", ["quoted"]),
        ("' & | ! :*", []),
        ("c' | 'x", []),
    ],
)
def test_words_find_the_same_in_both(store: Store, words: str, found: list[str]) -> None:
    page = store.items(EntryFilters(search=words), None, 50)
    assert [row["name"] for row in page.rows] == found


@pytest.mark.only_on("sqlite")
def test_sqlite_sees_the_words_that_are_written(tmp_path: Path) -> None:
    """Whatever the character, in the planes that have alphabets.

    PostgreSQL's index takes words as they are, so both agree.
    """
    database = open_database(sqlite_url_in(tmp_path))
    database.prepare()
    with database.atomic():
        script = Path("paod/store/migrations/0003_search.sqlite.sql")
        database.script((Path(__file__).parent.parent / script).read_text("utf-8"))
        database.script(
            "CREATE VIRTUAL TABLE seen USING fts5vocab (catalog_items_search, 'instance');"
        )
        rows = [
            {"id": first + 1, "search_text": _texts(first, first + 512)}
            for first in range(0, 0x20000, 512)
        ]
        database.index_text("catalog_items", rows, new=True)
    seen: dict[int, list[str]] = {}
    for row in database.query("SELECT doc, term FROM seen ORDER BY doc, offset"):
        seen.setdefault(row["doc"], []).append(row["term"])
    for row in rows:
        assert seen.get(row["id"], []) == row["search_text"].split()
    database.close()


def _texts(first: int, end: int) -> str:
    characters = (chr(code) for code in range(first, end) if not 0xD800 <= code < 0xE000)
    words = [words_of(f"a{character}b") for character in characters]
    return " ".join(word for found in words if found != ["a", "b"] for word in found)


def test_a_word_is_cut_where_no_index_has_room() -> None:
    assert words_of("Ä" * 3000) == ["a" * LONGEST]

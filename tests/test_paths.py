"""Which paths are documents, which are passed over, and which are told that they miss the rules."""

import pytest

from paod.finding import Finding
from paod.model import EntryType
from paod.paths import category_fault, category_of, classify, stem_of


@pytest.mark.parametrize(
    "path",
    [
        "catalog/databases/postgres-database.yaml",
        "catalog/databases/postgres.yml",
        "catalog/a/b/c/d/e.yaml",
        "catalog/9/0.yaml",
        f"catalog/a/{'b' * 63}.yaml",
    ],
)
def test_a_document(path: str) -> None:
    assert classify(path, "catalog") == "document"


@pytest.mark.parametrize(
    "path",
    [
        "README.md",
        "other/databases/postgres.yaml",
        "catalogs/databases/postgres.yaml",
        "Catalog/databases/postgres.yaml",
        "catalog",
        "catalog/README.md",
        "catalog/databases/notes.txt",
        "catalog/databases/postgres",
        "catalog/databases/.hidden.yaml",
        "catalog/databases/_draft.yaml",
        "catalog/_drafts/databases/postgres.yaml",
        "catalog/.github/workflows/check.yaml",
        "catalog/databases/postgres.yaml.orig",
    ],
)
def test_passed_over(path: str) -> None:
    assert classify(path, "catalog") == "ignored"


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("catalog/postgres.yaml", "directly in catalog/"),
        ("catalog/databases/Postgres.yaml", "'Postgres.yaml' is no file name"),
        ("catalog/databases/post_gres.yaml", "no file name"),
        ("catalog/databases/postgres.YAML", "'.YAML' is no suffix"),
        ("catalog/databases/postgres.Yml", "'.Yml' is no suffix"),
        ("catalog/Data Bases/postgres.yaml", "no folder name"),
        ("catalog/a.yaml/b.yaml", "'a.yaml' is no folder name"),
        ("catalog/../etc/passwd.yaml", "'..' is no folder name"),
        ("catalog/.git/config.yaml", "'.git' is no folder name"),
        ("catalog//a.yaml", "'' is no folder name"),
        ("catalog/databases/ä.yaml", "no file name"),
        ("catalog/databases/%FF.yaml", "no file name"),
        ("catalog/databases/a\nb.yaml", "'a%0Ab.yaml' is no file name"),
        ("catalog/databases/a\u202eb.yaml", "'a%202Eb.yaml' is no file name"),
        ("catalog/databases/-a.yaml", "no file name"),
        (f"catalog/a/{'b' * 64}.yaml", "no file name"),
        (f"catalog/{'/'.join(['a' * 60] * 17)}/b.yaml", "longer than 1024 bytes"),
    ],
)
def test_a_path_that_misses_the_rules(path: str, says: str) -> None:
    verdict = classify(path, "catalog")
    assert isinstance(verdict, Finding)
    assert verdict.code == "bad-path"
    assert says in verdict.message
    assert "\n" not in verdict.message


def test_a_path_of_just_1024_bytes_is_fine() -> None:
    folders = "/".join(["a" * 59] * 16)
    path = f"catalog/{folders}/{'b' * (1024 - 8 - len(folders) - 6)}.yaml"
    assert len(path) == 1024
    assert classify(path, "catalog") == "document"


@pytest.mark.parametrize(
    ("path", "entry", "counts"),
    [
        ("catalog/databases/link.yaml", "symlink", True),
        ("catalog/vendor", "submodule", True),
        ("catalog/databases/shared", "symlink", True),
        ("catalog/README.md", "symlink", False),
        ("catalog/_vendor", "submodule", False),
        ("vendor", "submodule", False),
    ],
)
def test_links_count_where_documents_could_stand(path: str, entry: EntryType, counts: bool) -> None:
    assert (classify(path, "catalog", entry) != "ignored") is counts


def test_the_category_is_the_first_folder() -> None:
    assert category_of("catalog/databases/x/postgres.yaml", "catalog") == "databases"
    assert category_of("catalog/postgres.yaml", "catalog") == ""
    assert category_of("services/catalog/compute/eks.yaml", "services/catalog") == "compute"
    assert stem_of("catalog/databases/postgres.yaml") == "postgres"


def test_a_category_must_be_allowed_where_categories_are_named() -> None:
    allowed = frozenset({"databases", "compute"})
    assert category_fault("catalog/databases/a.yaml", "catalog", allowed) is None
    assert category_fault("catalog/anything/a.yaml", "catalog", None) is None
    fault = category_fault("catalog/databses/a.yaml", "catalog", allowed)
    assert fault is not None
    assert (fault.code, fault.hint) == ("unknown-category", "did you mean 'databases'?")

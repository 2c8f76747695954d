"""``paod validate`` on files, folders and checkouts, and on the example catalog: it is good."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import yaml

from paod.cli import main
from paod.cli.checkout import Part, part_of

CHECKOUT = Path(__file__).parent.parent
EXAMPLE = CHECKOUT / "config" / "example-catalog"
GOOD = (EXAMPLE / "catalog" / "databases" / "postgres-database.yaml").read_text(encoding="utf-8")

Shown = pytest.CaptureFixture[str]


def check(shown: Shown, *arguments: str | Path) -> tuple[int, int, list[dict[str, object]]]:
    """Return the exit status, how many were checked, and the problems."""
    status = main(["validate", "--json", *map(str, arguments)])
    found = json.loads(shown.readouterr().out)
    assert set(found) == {"checked", "problems"}
    return status, found["checked"], found["problems"]


def put(folder: Path, path: str, text: str = GOOD) -> Path:
    file = folder / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def test_the_example_catalog_is_good(capsys: Shown) -> None:
    assert check(capsys, EXAMPLE) == (0, 17, [])


def test_the_example_catalog_is_rich() -> None:
    files = sorted((EXAMPLE / "catalog").rglob("*.yaml"))
    documents = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in files]
    kinds = Counter("bundle" if "bundle" in document else "item" for document in documents)
    assert kinds["item"] >= 12
    assert kinds["bundle"] >= 2
    assert len({file.relative_to(EXAMPLE / "catalog").parts[0] for file in files}) >= 6
    items = [document for document in documents if "bundle" not in document]
    types = {field["type"] for item in items for field in item["presentation"]["fields"]}
    assert types >= {
        *("string", "textarea", "integer", "int", "number", "percentage", "boolean"),
        *("date", "datetime", "time", "selection", "multiselect"),
    }
    systems = {item["fulfillment"]["manual"]["system"] for item in items}
    assert systems == {"jira", "servicenow", "email", "webhook"}
    steps = [
        step
        for item in items
        for step in item["fulfillment"].get("automation", {}).get("steps", ())
    ]
    assert {step["type"] for step in steps} == {
        *("TerraformFile", "GitHubWorkflow", "HttpPost", "HttpPut", "JiraTicket"),
    }
    assert any("deprecated" in item for item in items)
    assert any("dependencies" in item for item in items)
    assert any("renamed_from" in item for item in items)
    assert any(key.startswith("x-") for item in items for key in item)


def test_a_story_s_item_is_there_by_its_name() -> None:
    assert yaml.safe_load(GOOD)["fulfillment"]["manual"]["template"] == {
        "project": "PLATFORM",
        "issue_type": "Service Request",
        "summary": "Create PostgreSQL database {{ database_name }}",
    }
    assert (EXAMPLE / "catalog" / "compute" / "eks-container-app.yaml").is_file()


def test_text_is_as_a_compiler_writes_it(tmp_path: Path, capsys: Shown) -> None:
    put(
        tmp_path,
        "catalog/databases/postgres-database.yaml",
        GOOD.replace("type: string", "type: strng"),
    )
    put(tmp_path, "catalog/databases/other.yaml", "name: [")
    assert main(["validate", str(tmp_path)]) == 1
    shown = capsys.readouterr().out.splitlines()
    path = "catalog/databases/postgres-database.yaml"
    assert f"{path}:12:13: error[unknown-type]: 'strng' is not a field type" in shown
    assert any("did you mean 'string'" in line for line in shown)
    assert shown[-1] == "2 documents checked: 2 errors"


def test_json_problems_are_those_of_the_api(tmp_path: Path, capsys: Shown) -> None:
    put(
        tmp_path,
        "catalog/databases/postgres-database.yaml",
        GOOD.replace("type: string", "type: strng"),
    )
    status, checked, [problem] = check(capsys, tmp_path)
    assert (status, checked) == (1, 1)
    assert problem == {
        "code": "unknown-type",
        "severity": "error",
        "path": "catalog/databases/postgres-database.yaml",
        "line": 12,
        "column": 13,
        "pointer": "/presentation/fields/0/type",
        "message": "'strng' is not a field type",
        "hint": "did you mean 'string'?",
        "document": "postgres-database",
        "commit": None,
    }


def test_warnings_alone_are_fine(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, "catalog/databases/other-name.yaml")
    status, _, problems = check(capsys, tmp_path)
    assert status == 0
    assert [problem["code"] for problem in problems] == ["path-mismatch"]


def test_a_whole_checkout_is_checked_across_files(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, "catalog/databases/postgres-database.yaml")
    put(tmp_path, "catalog/storage/postgres-database.yaml")
    for whole in (tmp_path, tmp_path / "catalog"):
        status, checked, [problem] = check(capsys, whole)
        assert (status, checked) == (1, 2)
        assert problem["code"] == "duplicate-name"
        assert problem["path"] == "catalog/storage/postgres-database.yaml"
        assert problem["commit"] is None
    assert check(capsys, tmp_path / "catalog" / "storage") == (0, 1, [])


def test_a_bundle_is_held_against_the_whole_checkout(tmp_path: Path, capsys: Shown) -> None:
    bundle = EXAMPLE / "catalog" / "bundles" / "web-application.yaml"
    file = put(tmp_path, "catalog/bundles/web-application.yaml", bundle.read_text())
    status, _, problems = check(capsys, tmp_path)
    assert status == 0
    assert {problem["code"] for problem in problems} == {"unresolved-item"}
    assert check(capsys, file) == (0, 1, [])


@pytest.mark.parametrize(
    ("named", "hint"),
    [
        ("postgres-databse", "did you mean 'postgres-database'?"),
        ("postgres", "did you mean 'postgres-database'?"),
        ("kafka", "name an active item"),
        ("web-stack", "name an active item"),
    ],
)
def test_the_item_that_was_meant_is_named(
    named: str, hint: str, tmp_path: Path, capsys: Shown
) -> None:
    put(tmp_path, "catalog/databases/postgres-database.yaml")
    other = GOOD.replace("name: postgres-database", f"name: other\ndependencies: [{named}]")
    put(tmp_path, "catalog/databases/other.yaml", other)
    bundle = 'name: web-stack\nversion: "1.0.0"\ndescription: x\nowner: o\ntags: []\nbundle:\n'
    bundle += f"  optional_items:\n    - catalog_item: {named}-x\n"
    put(tmp_path, "catalog/stacks/web-stack.yaml", bundle)
    status, _, [first, second] = check(capsys, tmp_path)
    assert status == 0
    assert (first["code"], first["hint"]) == ("unknown-reference", hint)
    assert second["code"] == "unresolved-item"
    assert ("postgres-database" in str(second["hint"])) == named.startswith("postgres-")


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace("type: string", "type: strng", 1),
        GOOD.replace("name:", "nam:", 1),
        GOOD.replace("description: ", 'description: ""', 1),
    ],
)
def test_what_follows_from_a_broken_item_is_not_told_beside_it(
    broken: str, tmp_path: Path, capsys: Shown
) -> None:
    put(tmp_path, "catalog/databases/postgres-database.yaml", broken)
    bundle = 'name: stack\nversion: "1.0.0"\ndescription: x\nowner: o\ntags: []\nbundle:\n'
    bundle += "  required_items:\n    - catalog_item: postgres-database\n"
    put(tmp_path, "catalog/stacks/stack.yaml", bundle)
    status, _, problems = check(capsys, tmp_path)
    assert status == 1
    assert {one["path"] for one in problems} == {"catalog/databases/postgres-database.yaml"}


@pytest.mark.parametrize(
    ("replacement", "hints"),
    [
        ("postgres-database", []),
        ("web-application", []),
        ("postgres-databse", ["did you mean 'postgres-database'?"]),
        ("nothing-like-it", ["name an active item"]),
    ],
)
def test_what_replaces_an_item_must_be_there(
    replacement: str, hints: list[str], tmp_path: Path, capsys: Shown
) -> None:
    put(tmp_path, "catalog/databases/postgres-database.yaml")
    bundle = 'name: web-application\nversion: "1.0.0"\ndescription: x\nowner: o\ntags: []\n'
    bundle += "bundle:\n  required_items:\n    - catalog_item: postgres-database\n"
    put(tmp_path, "catalog/stacks/web-application.yaml", bundle)
    old = GOOD.replace(
        "name: postgres-database", f"name: old\ndeprecated: {{replacement: {replacement}}}"
    )
    put(tmp_path, "catalog/databases/old.yaml", old)
    status, _, problems = check(capsys, tmp_path)
    assert (status, [one["hint"] for one in problems]) == (0, hints)
    assert all(one["code"] == "unknown-reference" and one["line"] == 3 for one in problems)


def test_paths_are_relative_to_the_checkout(
    tmp_path: Path, capsys: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = put(tmp_path, "catalog/databases/deep/bad.yaml", "name: [")
    for folder, arguments in (
        (tmp_path, []),
        (tmp_path, ["catalog/databases"]),
        (file.parent, []),
        (file.parent, ["bad.yaml"]),
        (file.parent, ["../deep/bad.yaml", "bad.yaml", file]),
    ):
        monkeypatch.chdir(folder)
        status, checked, [problem] = check(capsys, *arguments)
        assert (status, checked) == (1, 1)
        assert problem["path"] == "catalog/databases/deep/bad.yaml"


def test_what_is_no_document_is_passed_over(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, "catalog/databases/README.md", "x")
    draft = put(tmp_path, "catalog/_drafts/x.yaml", "[")
    put(tmp_path, "catalog/.hidden/x.yaml", "[")
    put(tmp_path, "elsewhere/x.yaml", "[")
    good = put(tmp_path, "catalog/databases/postgres-database.yaml")
    assert check(capsys, tmp_path) == (0, 1, [])
    assert check(capsys, good, draft) == (0, 1, [])
    assert main(["validate", str(draft)]) == 0
    assert "x.yaml is passed over: it is hidden, or no YAML" in capsys.readouterr().err


@pytest.mark.parametrize("style", ["text", "json", "sarif"])
def test_a_folder_without_documents_is_a_mistake(style: str, tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, "catalog/databases/README.md", "x")
    assert main(["validate", "--format", style, str(tmp_path)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert f"there are no documents in {tmp_path}" in shown.err
    assert "catalog/<category>/<name>.yaml; --root" in shown.err


def test_links_and_large_files_are_refused_unread(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, "catalog/databases/large.yaml", "# " + "x" * 300_000)
    (tmp_path / "catalog/databases/link.yaml").symlink_to("/etc/passwd")
    put(tmp_path, "catalog/databases/module/.git", "gitdir: x")
    _, checked, problems = check(capsys, tmp_path)
    assert checked == 3
    assert [problem["code"] for problem in problems] == ["too-large", "symlink", "submodule"]


def test_a_file_in_no_catalog_is_judged_by_what_it_says(tmp_path: Path, capsys: Shown) -> None:
    good = put(tmp_path, "Draft 1.yaml")
    assert check(capsys, good) == (0, 1, [])
    bad = put(tmp_path, "more/bad.yaml", GOOD.replace("type: string", "type: strng"))
    status, _, [problem] = check(capsys, bad)
    assert (status, problem["path"], problem["line"]) == (1, "bad.yaml", 12)
    assert main(["validate", str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert f"{tmp_path} has no catalog/: each document is checked by itself" in shown.err
    assert "2 documents checked" in shown.out


def test_another_root(tmp_path: Path, capsys: Shown) -> None:
    put(tmp_path, "services/catalog-v2/databases/postgres-database.yaml")
    assert check(capsys, "--root", "services/catalog-v2/", tmp_path) == (0, 1, [])


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path, capsys: Shown) -> None:
    assert main(["validate", str(tmp_path / "none")]) == 2
    assert "there is no file or folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("path", "part"),
    [
        (".", ("", "catalog", True, True)),
        ("catalog", ("", "catalog", True, True)),
        ("catalog/a", ("", "catalog/a", False, True)),
        ("catalog/a/x.yaml", ("", "catalog/a/x.yaml", False, True)),
        ("catalog/a/catalog/x.yaml", ("", "catalog/a/catalog/x.yaml", False, True)),
        ("other/x.yaml", ("", "other/x.yaml", False, False)),
        ("inner", ("inner", "catalog", True, True)),
        ("inner/catalog/x.yaml", ("inner", "catalog/x.yaml", False, True)),
    ],
)
def test_which_checkout_holds_a_path(
    path: str, part: tuple[str, str, bool, bool], tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    for folder in ("catalog/a/catalog", "inner/catalog", "other"):
        (tmp_path / folder).mkdir(parents=True)
    checkout, *rest = part
    assert part_of(tmp_path / path, "catalog") == Part(tmp_path / checkout, *rest)  # type: ignore[arg-type]

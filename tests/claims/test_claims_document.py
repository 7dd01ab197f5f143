"""The document on claims, of claims of two seconds: its contract, its table, its page."""

import json

import pytest
from harness_claims.document import ClaimsBoard
from harness_claims.publishing import publish_claims, render_claims_files
from harness_claims.tables import render_claims

from harness.results.document import DocumentError


def test_the_document_is_valid_and_says_everything(board):
    again = ClaimsBoard.validate(json.loads(board.to_json()))
    assert again == board
    assert [entry.verdict for entry in board.claims] == ["supported", board.claims[1].verdict, None, None, None, None]
    # What is not finite is null in the document.
    assert board.claims[0].panels[0].series[0].y == [1.0, None]
    assert board.claims[0].rule == "More steps lower E_D: 4 against 8, exact."


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"schema_version": 6}, "schema_version: 6 is newer"),
        ({"alpha": 2.0}, "alpha"),
        ({"papers": []}, "are not those of the claims"),
        ({"claims": "none"}, "claims"),
    ],
)
def test_a_document_that_breaks_its_contract_is_refused(board, change, rule):
    with pytest.raises(DocumentError, match=rule):
        ClaimsBoard.validate(json.loads(board.to_json()) | change)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({"target": "rign"}, "'rign' decides but has no finding"),
        ({"plot_error": "why"}, "a plot error goes with a verdict and without panels"),
        ({"verdict": "undecided"}, "undecided does not follow from its findings"),
        ({"verdict": None}, "either a verdict with its effect, or an error"),
        ({"error": "why"}, "either a verdict with its effect, or an error"),
        ({"effect": {"name": "x", "value": 1.0, "low": 2.0, "high": 3.0}}, "low 2 is above value 1"),
        ({"number": 9}, "claim 2 comes after claim 9"),
        ({"within_rounding": True}, "supported is not within rounding of a verdict"),
        ({"seen": []}, "claim 1: seen on 0 of 1 processors"),
    ],
)
def test_an_entry_that_contradicts_itself_is_refused(board, change, rule):
    plain = json.loads(board.to_json())
    plain["claims"][0] |= change
    with pytest.raises(DocumentError, match=rule):
        ClaimsBoard.validate(plain)


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        (
            [{"verdict": "supported"}],
            "interpretation 'fewer steps lower it': supported does not follow from its findings",
        ),
        ([{"within_rounding": True}], "contradicted is not within rounding of a verdict"),
        ([{}, {}], "claim 1: two of its interpretations have one name: fewer steps lower it, fewer steps lower it"),
    ],
)
def test_an_interpretation_follows_from_its_findings_and_has_a_name_of_its_own(board, changes, rule):
    plain = json.loads(board.to_json())
    (interpretation,) = plain["claims"][0]["interpretations"]
    plain["claims"][0]["interpretations"] = [interpretation | change for change in changes]
    with pytest.raises(DocumentError, match=rule):
        ClaimsBoard.validate(plain)


def test_a_document_of_version_4_has_one_interpretation_of_each_claim(board):
    old = json.loads(board.to_json()) | {"schema_version": 4}
    for entry in old["claims"]:
        del entry["interpretations"]
    read = ClaimsBoard.validate(old)
    assert {tuple(entry.interpretations) for entry in read.claims} == {()}
    assert [entry.verdict for entry in read.claims] == [entry.verdict for entry in board.claims]


def test_other_interpretations_are_shown_with_their_own_verdict(board):
    (interpretation,) = board.claims[0].interpretations
    assert (board.claims[0].verdict, interpretation.verdict) == ("supported", "contradicted")
    caution = "It says that more steps help, *here*. Read otherwise: fewer steps lower it: contradicted."
    assert any(caution in line and "supported" in line for line in render_claims(board, "table").splitlines())
    page = render_claims_files(board, "harness claims --quick")["README.md"].decode()
    assert "**Read otherwise.** fewer steps lower it: contradicted." in page
    assert "interpretation.fewer steps lower it" in render_claims(board, "csv").splitlines()[0]


def older(board):
    """The document as it was before papers were told."""
    old = json.loads(board.to_json()) | {"schema_version": 2, "alpha": 0.05 / 13}
    del old["papers"]
    for entry in old["claims"]:
        del entry["paper"], entry["interpretations"]
    return old


def test_a_document_of_version_2_is_of_the_first_paper(board):
    read = ClaimsBoard.validate(older(board))
    assert [paper.model_dump() for paper in read.papers] == [{"name": "wang-2024", "claims": 13, "alpha": 0.05 / 13}]
    assert {entry.paper for entry in read.claims} == {"wang-2024"}
    assert [entry.seen for entry in read.claims] == [entry.seen for entry in board.claims]


@pytest.mark.parametrize("version", [2, 3])
def test_one_share_of_rounding_for_all_claims_becomes_each_claims_own(board, version):
    old = (older(board) if version == 2 else json.loads(board.to_json())) | {"schema_version": version, "rounding": 0.1}
    for entry in old["claims"]:
        del entry["rounding"]
    assert {entry.rounding for entry in ClaimsBoard.validate(old).claims} == {0.1}


def test_a_document_of_version_1_was_seen_on_one_processor(board):
    old = older(board) | {"schema_version": 1}
    del old["processors"]
    for entry in old["claims"]:
        del entry["seen"], entry["within_rounding"], entry["rounding"]
        for finding in entry["findings"]:
            del finding["within_rounding"]
    read = ClaimsBoard.validate(old)
    assert (read.schema_version, read.processors) == (5, ["unknown"])
    assert {(entry.rounding, entry.within_rounding) for entry in read.claims} == {(0.0, False)}
    assert [entry.seen for entry in read.claims] == [[entry.verdict] for entry in board.claims]
    assert old["schema_version"] == 1  # what was handed in stays as it is


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_the_table_fits_a_terminal(board, width):
    text = render_claims(board, "table", width=width)
    table = [line for line in text.splitlines() if not line.startswith(("claim", " "))]
    assert max(map(len, table)) <= width
    assert "claim 3: rule: ZeroDivisionError" in text
    # The caution stands in its claim's row, or below the table where there is no room.
    assert ("claim 1: It says that more steps help, *here*." in text) != ("caution" in text)
    # What the targets say stays at every width; the rest goes in order, the time first.
    assert "2 / 0 / 0" in text
    heads = ("time", "units", "statistic", "decided", "caution")
    left = [head in text.replace("undecided", "") for head in heads]
    assert left == sorted(left)
    assert all(left) == (width > 100)


def test_the_page_has_a_table_findings_plots_and_the_command(board, tmp_path):
    files = render_claims_files(board, "harness claims --quick")
    assert {"README.md", "claims.json", "claim-01.svg", "claim-02.svg"} == set(files)
    page = files["README.md"].decode()
    assert "```sh\nharness claims --quick\n```" in page
    # The note stands directly below the heading, harmless as Markdown.
    assert "## 1. a fake: supported\n\n> **It says that more steps help, \\*here\\*.**\n\n**Claim.** It is so." in page
    assert "targets for / against / open" in page
    assert "**No verdict.** rule: ZeroDivisionError: division by zero" in page
    assert "(claim-01.svg)" in page
    written = publish_claims(board, tmp_path / "claims", "harness claims --quick")
    assert all(path.is_file() for path in written)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "README.md").write_text("mine")
    with pytest.raises(DocumentError, match=r"holds another README\.md"):
        publish_claims(board, tmp_path / "other", "x")

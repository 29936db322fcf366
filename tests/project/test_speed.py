"""Speed is measured, not claimed: the page's tables are made of the stored values."""

from __future__ import annotations

from benchmarks import report


def test_the_tables_of_the_page_are_those_of_the_measured_values():
    assert report.PAGE.read_text("utf-8") == report.page()


def test_what_is_stored_breaks_no_guard():
    values, _ = report.load()
    assert report.complaints(values) == []


def test_a_ratio_that_has_grown_is_a_complaint():
    values, _ = report.load()
    for above, below, most in report.GUARDS:
        grown = values | {above: [most * 1.1 * value for value in values[below]]}
        assert [line.startswith(above) for line in report.complaints(grown)] == [True]

"""Properties as tests: what is collected of a certificate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

from harness.certification import certify_all
from harness.errors import HarnessError, shortened
from harness_pytest import MARKER, OPTION

if TYPE_CHECKING:
    from harness.results.certificates import Certificate, MeasuredProperty

SOMETHING = "something is measured that it claims"
"""The test of a certificate that fails where every property is skipped, or claims nothing."""


class DoesNotHold(Exception):
    """A property does not hold."""


class PropertyTest(pytest.Item):
    """The test of one property."""

    def __init__(self, *, fault: str, skipped: str, **settings: Any) -> None:
        super().__init__(**settings)
        self.fault = fault
        self.add_marker(MARKER)
        if skipped:
            self.add_marker(pytest.mark.skip(reason=skipped))

    def runtest(self) -> None:
        """Fail where it does not hold."""
        if self.fault:
            raise DoesNotHold(self.fault)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """Return what does not hold: the lines of this file say nothing of it."""
        return str(excinfo.value) if excinfo.errisinstance(DoesNotHold) else super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int, str]:
        """Return what stands above a failure, and in the line of one that is skipped: it lies in no file."""
        place = self.nodeid.partition("::")[0]
        return place, 0, f"{place}: {self.name}"


class CertificateCollector(pytest.Collector):
    """The certificate of one component."""

    certificate: Certificate

    def collect(self) -> Iterator[pytest.Item]:
        """Yield a test for each property, and one that there is any."""
        for each in self.certificate.properties:
            yield self._test(each.name, *_said(each))
        nothing = not (self.certificate.passed or self.certificate.failures)
        why = "; ".join(each.reason for each in self.certificate.properties if each.reason)
        yield self._test(SOMETHING, f"every property is skipped, or claims nothing: {why or 'no reasons'}" * nothing)

    def _test(self, name: str, fault: str, skipped: str = "") -> pytest.Item:
        return PropertyTest.from_parent(self, name=name, fault=fault, skipped=skipped)


def _said(each: MeasuredProperty) -> tuple[str, str]:
    """Return why a property does not hold, and why it is skipped; nothing where that is not so."""
    return (str(each) if each.verdict == "fail" else "", str(each) if each.verdict == "unclaimed" else "")


def certificates(session: pytest.Session, word: str) -> list[pytest.Item]:
    """Return the tests of every component that a word means, as `harness certify` takes it.

    Raises:
        UsageError: it means nothing, or a distribution that offers nothing; in one line.
    """
    try:
        made = certify_all([word]).certificates
    except HarnessError as error:
        where = f"{OPTION} {word}: no distribution of this name that offers components is installed here"
        raise pytest.UsageError(shortened(f"{where}, and as a component: {error}")) from error
    if not made:
        raise pytest.UsageError(f"{OPTION} {word}: it offers no component")
    return [item for each in made for item in _collected(session, each)]


def _collected(session: pytest.Session, certificate: Certificate) -> list[pytest.Item]:
    """Return the tests of one certificate, told to pytest as those of a file are."""
    place = f"certificate of {certificate.place}"
    collector = CertificateCollector.from_parent(session, name=place, nodeid=place)
    collector.certificate = certificate
    found = list(collector.collect())
    report = pytest.CollectReport(collector.nodeid, "passed", None, [*found])
    session.config.hook.pytest_collectreport(report=report)
    return found

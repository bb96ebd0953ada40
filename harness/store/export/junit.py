"""JUnit XML, as CI servers read it: a suite a run, a case a comparison, a gate or a lost link."""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree

from harness.report.schema import ComparisonRecord, Report


def document(reports: Iterable[Report]) -> str:
    """Return the XML of some runs.

    A comparison outside its tolerance is a failure; one that no tolerance judges is skipped.
    """
    root = ElementTree.Element("testsuites", name="k210-harness")
    for report in reports:
        root.append(_suite(report))
    for name in ("tests", "failures", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in root)))
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True) + "\n"


def _suite(report: Report) -> ElementTree.Element:
    cases = [_case(report, one) for one in report.comparisons]
    suite = ElementTree.Element(
        "testsuite",
        name=report.run_id,
        timestamp=report.created.removesuffix("+00:00"),
        tests=str(len(cases)),
        failures=str(sum(case.find("failure") is not None for case in cases)),
        errors="0",
        skipped=str(sum(case.find("skipped") is not None for case in cases)),
    )
    properties = ElementTree.SubElement(suite, "properties")
    for name, value in sorted(_properties(report).items()):
        ElementTree.SubElement(properties, "property", name=name, value=value)
    suite.extend(cases)
    return suite


def _case(report: Report, comparison: ComparisonRecord) -> ElementTree.Element:
    name = f"{comparison.output}: {comparison.reference} and {comparison.candidate}"
    case = ElementTree.Element("testcase", classname=report.method, name=name)
    latency = report.backends[comparison.candidate].latency_ms
    if latency:
        case.set("time", f"{latency.p50 / 1000:.6f}")
    figures = f"cosine {comparison.cosine:.6f}, largest difference {comparison.max_abs:.6g}"
    if comparison.within_tolerance is None:
        ElementTree.SubElement(case, "skipped", message=f"no tolerance is set; {figures}")
    elif not comparison.within_tolerance:
        limits = ", ".join(f"{name} {value:g}" for name, value in comparison.tolerance.items())
        failure = ElementTree.SubElement(
            case, "failure", message=f"outside tolerance ({limits}): {figures}"
        )
        failure.text = f"worst item: {comparison.worst_item}"
    return case


def _properties(report: Report) -> dict[str, str]:
    found = {str(name): str(value) for name, value in report.environment.items()}
    for backend, record in report.backends.items():
        for metric, value in record.metrics.items():
            found[f"{backend} {metric}"] = f"{value:.6g}"
    if report.board:
        found["board"] = f"{report.board.kind} board, {report.board.firmware}"
    return found

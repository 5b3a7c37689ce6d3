"""An example application: small, invented, and with everything that the cases look at."""

from __future__ import annotations

import secrets
from typing import Any, Final

PLAN_ID: Final = "7c0a00000000000000000001"
_OBJECTS: Final = (
    b"<< /Type /Catalog /Pages 2 0 R >>",
    b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] >>",
)
PLAN_ENTRY: Final = f"{PLAN_ID}_plan.pdf"
REQUEST: Final = "DATA_REQUEST_APPLICATION"


def _pdf() -> bytes:
    """A whole PDF with one empty page: a reader that opens attachments must find nothing wrong with it."""
    data, places = b"%PDF-1.4\n", []
    for number, content in enumerate(_OBJECTS, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(_OBJECTS) + 1
    head = b"xref\n0 %d\n0000000000 65535 f \n" % size
    return data + head + table + b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (size, len(data))


PLAN: Final = _pdf()


def application(country: str, **changes: Any) -> dict[str, Any]:
    """The applicant's form under a title of this run; `country` is an ISO 3166-1 alpha-2 code."""
    return {
        "application_type": "DATA_ACCESS_APPLICATION",
        "title": f"Conformance {secrets.token_hex(6)} (example)",
        "user": "Applicant Example",
        "datasets": [dataset(country, catalog(country))],
        "form": form(country, catalog(country)),
        "form_translations": {"en": {"section2": {"projectName": "Stroke outcomes (example)"}}},
        **changes,
    }


def catalog(country: str) -> str:
    """The catalogue that the example names, in one nation."""
    return f"catalogue-{country}"


def dataset(country: str, catalog_id: str) -> dict[str, Any]:
    """A dataset of a nation, in one of its catalogues."""
    return {
        "dataset_id": f"urn:example:dataset:{catalog_id}",
        "catalog_id": catalog_id,
        "catalog_languages": ["en"],
        "title": {"en": "Stroke registry (example)"},
        "country": {"country_id": country},
        "hdab": {"name": "HDAB example"},
        "publisher": {"name": "Holder (example)"},
        "distributions": [{"distribution_id": "urn:example:dataset:kit-d1", "title": "CSV"}],
        "date_added": "2026-10-01",
    }


def form(country: str, *catalogs: str) -> dict[str, Any]:
    """A form of a few fields, with section 6 for one nation."""
    contact = {"number": "0000000", "countryCode": "+00", "isoCode": country.upper()}
    return {
        "section2": {
            "projectName": "Stroke outcomes (example)",
            "purposeForWhichDataWillBeUsed": [{"key": "e", "value": "scientific research"}],
        },
        "section3": {
            "legalOrNaturalPerson": {"key": "a", "value": "legal person"},
            "legalPersonName": "Institute (example)",
            "contactPersonEmail": "contact@example.org",
            "contactPersonPhone": contact,
        },
        "section5": {
            "whyTheDataIsNeeded": "For an example: é, ß, Ж.",
            "summaryOfPlanForUsingTheData": [{"id": PLAN_ID, "name": "plan.pdf", "size": len(PLAN)}],
        },
        "section6": [
            {
                "country_id": country,
                "catalog_ids": list(catalogs),
                "timePeriodOfDataExtraction": "01-01-2019 t/m 31-12-2024",
            }
        ],
        "section10": {"awareProcessingFee": True, "awareChargeFee": True, "awareInformationCorrect": True},
    }

"""`--on-step` of the conformance kit for a node with the back end `hdh`: a caseworker who does what a step says.

It knows the node's REST and the scripted Health Data Hub of the demonstration, nothing of the kit but its orders.
`french_desk.py NODE TOKEN STAFF`, one order as JSON on stdin; status 3 for steps that the French office does not have.
"""

from __future__ import annotations

import hashlib
import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.demo.french import NS, Dossier, HealthDataHub
from adapters.demo.office import Chance, Content, parse, write

if TYPE_CHECKING:
    from lxml import etree

DOES_NOT = 3
SECONDS = 20.0
#: step: events of the dossier (the part of its `Instruction`) that the office sends, in order.
STEPS: dict[str, tuple[str, ...]] = {
    "acknowledge": ("ACCUSE_RECEPTION",),
    "change-status": ("ACCUSE_RECEPTION", "PRE_EXAMEN"),
    "request-info": ("ACCUSE_RECEPTION", "PRE_EXAMEN", "DEMANDE_COMPLEMENTS"),
    "extend": ("ACCUSE_RECEPTION", "PRE_EXAMEN", "INSTRUCTION", "PROLONGATION"),
    "decide": (
        "ACCUSE_RECEPTION",
        "PRE_EXAMEN",
        "INSTRUCTION",
        "AVIS_CESREES",
        "TRANSMISSION_CNIL",
        "ESTIMATION_COUTS",
        "DECISION",
    ),
    "issue-permit": ("CONVENTION_SIGNEE",),
}
OPERATIONS = {"create": "CREATION", "update": "MISE_A_JOUR", "delete": "SUPPRESSION"}
NOTICE = Path(__file__).parents[1] / "data" / "fr-hdh-1" / "DatasetCUD.xml"
#: What the office waits for before it sends an event.
WAITS_FOR = {"DECISION": "REPONSE_COUTS"}


@dataclass(frozen=True)
class Node:
    """The node's REST as the back end calls it."""

    base: str
    token: str
    staff: str

    def get(self, path: str) -> bytes:
        return self._call("GET", path)

    def put(self, sha256: str, data: bytes) -> None:
        """Hand over a file that a document will name."""
        self._call("PUT", f"/api/v1/attachments/{sha256}", data)

    def post(self, document: bytes) -> None:
        """Send it; a person of the body agrees at once to what the wire cannot carry."""
        more = {"Idempotency-Key": hashlib.sha256(document).hexdigest(), "Content-Type": "application/xml"}
        kept = json.loads(self._call("POST", "/api/v1/messages", document, **more))
        if kept["state"] == "SIGN_OFF":
            reason = json.dumps({"reason": "The reasons go by post as well."}).encode()
            self._call("POST", f"/api/v1/messages/{kept['id']}/sign-off", reason, token=self.staff)

    def delivered(self, application: str, event: str = "") -> tuple[str, etree._Element]:
        """The delivery about an application with its form, or the one of `event`; its id and its document."""
        query = urllib.parse.urlencode({"direction": "inbound", "state": "DELIVERED", "text": application})
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            for row in json.loads(self.get(f"/api/v1/messages?{query}"))["messages"]:
                body = self.get(f"/api/v1/messages/{row['id']}/document")
                if not body.lstrip().startswith(b"<"):
                    continue  # a notice
                root = parse(body)
                found = root.findtext(f"{{{NS}}}Entete/{{{NS}}}evenement")
                if found == event or (not event and root.find(f"{{{NS}}}Demande") is not None):
                    return row["id"], root
            time.sleep(0.1)
        raise SystemExit(f"nothing about {application} was delivered {event}")

    def _call(self, method: str, path: str, data: bytes | None = None, *, token: str = "", **more: str) -> bytes:
        headers = {"Authorization": f"Bearer {token or self.token}", "Content-Type": "application/json", **more}
        request = urllib.request.Request(self.base + path, data, headers, method=method)  # noqa: S310 - our own node
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:  # noqa: S310 - as above
                return bytes(answer.read())
        except urllib.error.HTTPError as error:
            raise SystemExit(f"HTTP {error.code}: {error.read().decode()[-280:]}") from error


def office(application: str) -> HealthDataHub:
    """Numbers follow from the application, so that every step speaks of one dossier."""
    serial = int(hashlib.sha256(application.encode()).hexdigest()[:5], 16)
    return HealthDataHub(Chance(now=lambda: datetime.now(UTC), number=lambda: serial))


def documents(hub: HealthDataHub, dossier: Dossier, step: str, decision: str) -> dict[str, bytes]:
    """Every document of the office by its event; each has all that was before it."""
    made = [*hub._intake(dossier), *hub._assess(dossier)]
    if step == "extend":
        made.append(hub._snapshot(dossier, "PROLONGATION", "prolongation", longer(hub)))
    made += [*hub._decide(dossier), *hub._permit(dossier)]
    if decision == "Negative":
        made.append(hub._snapshot(dossier, "DECISION", "decision", refusal(hub, dossier)))
    return {str(parse(one).findtext(f"{{{NS}}}Entete/{{{NS}}}evenement")): one for one in made}


def longer(hub: HealthDataHub) -> Content:
    return [
        ("motifs", "Trois sources à apparier (exemple)."),
        ("nouvelleEcheance", hub.chance.day(1)),
        ("dateProlongation", hub.chance.day()),
    ]


def refusal(hub: HealthDataHub, dossier: Dossier) -> Content:
    signer: Content = [("prenom", "Camille"), ("nomFamille", "Exemple"), ("fonction", "Directrice (exemple)")]
    return [
        ("numeroDecision", dossier.decision),
        ("nature", "REFUS"),
        ("dateHeureDecision", hub.chance.moment()),
        ("dateDecision", hub.chance.day()),
        ("signataire", signer),
        ("motifs", "Un exemple de refus."),
    ]


def notice(operation: str, dataset: str) -> bytes:
    """The example's dataset record under another id, without its file."""
    root = parse(NOTICE.read_bytes())
    told = root.find(f"{{{NS}}}Suites/{{{NS}}}noticeJeu")
    told.find(f"{{{NS}}}operation").text = OPERATIONS[operation]
    told.find(f"{{{NS}}}identifiantJeu").text = dataset
    for file in told.findall(f"{{{NS}}}fichier"):
        told.remove(file)
    return write(root)


def main(base: str, token: str, staff: str) -> int:
    order = json.load(sys.stdin)
    if order["step"] == "publish-dataset":
        Node(base, token, staff).post(notice(order["operation"], order["dataset_id"]))
        return 0
    if order["step"] not in STEPS:
        sys.stderr.write(f"the French office does not do {order['step']}\n")
        return DOES_NOT
    application, decision = order["application_id"], order.get("decision", "")
    node, hub = Node(base, token, staff), office(application)
    delivery, root = node.delivered(application)
    dossier = hub._take(application, root)
    dossier.answers = delivery
    made = documents(hub, dossier, order["step"], decision)
    for paper in hub.papers:
        node.put(paper.sha256, paper.data)
    for event in STEPS[order["step"]]:
        if event in WAITS_FOR:
            node.delivered(application, WAITS_FOR[event])
        node.post(made[event])
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

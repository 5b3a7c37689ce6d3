"""The scripted Health Data Hub: cumulative dossier snapshots, one event at a time.

The CNIL decides after the CESREES opinion and grants in part; the permit comes with the CNAM convention.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.demo.office import Chance, Content, Paper, Received, element, parse, printed, write

if TYPE_CHECKING:
    from collections.abc import Callable

NS: Final = "urn:hdeu:fr:hdh:1"
_HEAD: Final = ("numeroDossierHDH", "identifiantEU", "version", "evenement", "dateEvenement", "enReponseA")
_PARTS: Final = ("Entete", "Demande", "SupplementEU", "Instruction", "Nouvelle", "AnnexeEU")
_PROCEEDINGS: Final = (
    "accuseReception",
    "suivi",
    "demandeComplements",
    "accuseComplements",
    "prolongation",
    "choixProcedure",
    "avisCESREES",
    "interetPublic",
    "transmissionCNIL",
    "seanceCNIL",
    "conformiteDeclaree",
    "inscriptionRepertoire",
    "etapeNationale",
    "estimationCouts",
    "reponseCouts",
    "decision",
    "accuseDecision",
    "reponseDemandeur",
    "recours",
    "accuseRecours",
    "permis",
)


@dataclass(slots=True)
class Dossier:
    """One case at the Hub: the last snapshot, and the numbers given at run time."""

    root: etree._Element
    number: str
    decision: str
    permit: str
    answers: str = ""  #: the delivery that the next snapshots answer

    def part(self, name: str) -> etree._Element:
        """A part of the dossier, made in its place where it is missing."""
        return _placed(self.root, name, _PARTS)

    def text(self, path: str) -> str:
        """The text at a path below the dossier."""
        return (self.root.findtext("/".join(f"{{{NS}}}{step}" for step in path.split("/"))) or "").strip()


@dataclass(slots=True)
class HealthDataHub:
    """The French office."""

    chance: Chance
    dossiers: dict[str, Dossier] = field(default_factory=dict)
    papers: list[Paper] = field(default_factory=list)

    def react(self, received: Received) -> list[bytes]:
        """By the event that the delivered dossier names."""
        if not received.body.lstrip().startswith(b"<"):
            return []
        root = parse(received.body)
        event = root.findtext(f"{{{NS}}}Entete/{{{NS}}}evenement") or ""
        reactions: dict[str, Callable[[Dossier], list[bytes]]] = {
            "DEPOT": self._intake,
            "COMPLEMENTS": self._assess,
            "REPONSE_COUTS": self._decide,
            "REPONSE_DEMANDEUR": self._permit,
        }
        if event not in reactions:
            return []
        dossier = self._take(received.case, root)
        dossier.answers = received.id
        return reactions[event](dossier)

    def _take(self, case: str, root: etree._Element) -> Dossier:
        known = self.dossiers.get(case)
        if known is None:
            serial = self.chance.number()
            number = f"HDH-EX-{serial:06d}"
            known = Dossier(root, number, f"DR-EX-{serial % 1000:03d}", f"PERMIS-EX-FR-{serial:06d}")
            self.dossiers[case] = known
        elif root.find(f"{{{NS}}}Demande") is not None:
            proceedings = known.root.find(f"{{{NS}}}Instruction")
            known.root = root
            if proceedings is not None:
                _replace(root, proceedings, _PARTS)
        return known

    def _intake(self, dossier: Dossier) -> list[bytes]:
        moment = self.chance.moment()
        ask: Content = [
            ("statut", "INCOMPLET"),
            ("dateDemande", moment),
            (
                "rubriques",
                [
                    _rubrique("5", "", "whyTheDataIsNeeded", "Précisez la nécessité de chaque composante."),
                    _rubrique("6", "FRANCE", "howWillTheDataFromDifferentSourcesBeLinked", "Décrivez le circuit."),
                ],
            ),
        ]
        return [
            self._snapshot(
                dossier, "ACCUSE_RECEPTION", "accuseReception", [("statut", "DEPOSE"), ("dateAccuse", moment)]
            ),
            self._snapshot(dossier, "PRE_EXAMEN", "suivi", [("statut", "EXAMEN_RECEVABILITE"), ("date", moment)]),
            self._snapshot(dossier, "DEMANDE_COMPLEMENTS", "demandeComplements", ask),
        ]

    def _assess(self, dossier: Dossier) -> list[bytes]:
        moment, reference = self.chance.moment(), dossier.number
        opinion = _step("AVIS_CESREES", "FAVORABLE_AVEC_RECOMMANDATIONS", moment, f"AVIS-{reference}", "CESREES")
        passed_on = _step("TRANSMISSION_CNIL", "", moment, f"TRANS-{reference}", "HDH")
        costs: Content = [
            ("composante", _cost("Plateforme des données de santé", "preparation", "4200.00")),
            ("composante", _cost("Détenteur exemple", "extraction", "1800.50")),
            ("valideJusquAu", self.chance.day(1)),
            ("optionRetrait", "Le demandeur peut retirer sa demande ; seuls les frais engagés sont dus."),
        ]
        return [
            self._snapshot(dossier, "INSTRUCTION", "suivi", [("statut", "EN_INSTRUCTION"), ("date", moment)]),
            self._snapshot(dossier, "AVIS_CESREES", "avisCESREES", opinion),
            self._snapshot(dossier, "TRANSMISSION_CNIL", "transmissionCNIL", passed_on),
            self._snapshot(dossier, "ESTIMATION_COUTS", "estimationCouts", costs),
        ]

    def _decide(self, dossier: Dossier) -> list[bytes]:
        refused: Content = [
            (
                "jeuRefuse",
                [
                    ("identifiantJeu", _last_dataset(dossier)),
                    ("motifs", "Minimisation : ce jeu ne sert pas cet objectif."),
                ],
            ),
            ("motifs", "Autorisation partielle."),
        ]
        decision: Content = [
            ("numeroDecision", dossier.decision),
            ("nature", "AUTORISATION_PARTIELLE"),
            ("dateHeureDecision", self.chance.moment()),
            ("dateDecision", self.chance.day()),
            ("signataire", _signatory()),
            ("motifs", "Un jeu de données est refusé (exemple)."),
            ("perimetreRefuse", refused),
            ("document", self._paper("decision.pdf", "Autorisation partielle (exemple)", dossier.decision)),
        ]
        return [self._snapshot(dossier, "DECISION", "decision", decision)]

    def _permit(self, dossier: Dossier) -> list[bytes]:
        permit: Content = [
            (
                "convention",
                [
                    ("numeroPermis", dossier.permit),
                    ("version", "1"),
                    ("perimetre", "Convention avec la CNAM (exemple)"),
                    ("appariement", "Appariement indirect (exemple)"),
                    ("document", self._paper("permis.pdf", "Permis signe (exemple)", dossier.permit)),
                ],
            ),
            (
                "decision",
                [
                    ("numeroDecision", dossier.decision),
                    ("natureDecision", "AUTORISATION_PARTIELLE"),
                    ("dateAutorisation", self.chance.day()),
                    ("duree", [("debut", self.chance.day()), ("fin", self.chance.day(3))]),
                ],
            ),
            ("statut", "ACCORDE"),
            (
                "autoriteSignataire",
                [("nom", "Plateforme des données de santé (exemple)"), ("pays", "FR"), ("signataire", _signatory())],
            ),
        ]
        return [self._snapshot(dossier, "CONVENTION_SIGNEE", "permis", permit)]

    def _paper(self, name: str, *lines: str) -> Content:
        self.papers.append(printed(name, *lines, self.chance.moment()))
        return self.papers[-1].facts("identifiant", "nom", "taille", "typeMedia", "empreinteSha256")

    def _snapshot(self, dossier: Dossier, event: str, part: str, content: Content) -> bytes:
        root = dossier.root
        head = dossier.part("Entete")
        number = element(NS, "numeroDossierHDH", dossier.number, systeme="hdh")
        _replace(head, number, _HEAD)
        _replace(head, element(NS, "evenement", event), _HEAD)
        _replace(head, element(NS, "dateEvenement", self.chance.moment()), _HEAD)
        _replace(head, element(NS, "enReponseA", dossier.answers), _HEAD)
        _replace(dossier.part("Instruction"), element(NS, part, content), _PROCEEDINGS)
        news = root.find(f"{{{NS}}}Nouvelle")
        if news is not None:
            root.remove(news)
        return write(root)


def _last_dataset(dossier: Dossier) -> str:
    """The last dataset that the dossier asks for: the one that is refused."""
    path = f"{{{NS}}}Demande/{{{NS}}}jeuxDeDonnees/{{{NS}}}jeu/{{{NS}}}identifiant"
    found = [(one.text or "").strip() for one in dossier.root.iterfind(path)]
    return found[-1] if found else "urn:example:dataset:none"


def _rubrique(number: str, country: str, name: str, comment: str) -> tuple[str, Content]:
    inner: list[tuple[str, Content]] = [("numero", number)]
    if country:
        inner.append(("pays", country))
    inner.append(("champ", [("nom", name), ("commentaire", comment)]))
    return ("rubrique", inner)


def _step(name: str, outcome: str, moment: str, reference: str, authority: str) -> Content:
    inner: list[tuple[str, Content]] = [("chaine", "fr-hdh"), ("etape", name)]
    if outcome:
        inner.append(("resultat", outcome))
    return [*inner, ("date", moment), ("reference", reference), ("autorite", authority)]


def _cost(payee: str, kind: str, amount: str) -> Content:
    return [("beneficiaire", payee), ("nature", kind), ("montant", amount), ("devise", "EUR"), ("estime", "true")]


def _signatory() -> Content:
    return [("prenom", "Camille"), ("nomFamille", "Exemple"), ("fonction", "Directrice (exemple)")]


def _placed(parent: etree._Element, name: str, order: tuple[str, ...]) -> etree._Element:
    found = parent.find(f"{{{NS}}}{name}")
    if found is None:
        found = element(NS, name, [])
        _replace(parent, found, order)
    return found


def _replace(parent: etree._Element, child: etree._Element, order: tuple[str, ...]) -> None:
    name = etree.QName(child).localname
    for old in parent.findall(f"{{{NS}}}{name}"):
        parent.remove(old)
    before = set(order[: order.index(name)])
    place = sum(1 for sibling in parent if etree.QName(sibling).localname in before)
    parent.insert(place, child)

"""The scripted Findata: one document for each event; it grants what was applied for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from lxml import etree

from adapters.demo.office import Chance, Content, Paper, Received, element, parse, printed, write

if TYPE_CHECKING:
    from collections.abc import Callable

NS: Final = "urn:hdeu:fi:findata:1"


@dataclass(frozen=True, slots=True)
class File:
    """One case at Findata: the ids, given at run time."""

    eu_id: str
    diary: str
    decision: str
    permit: str


@dataclass(slots=True)
class Findata:
    """The Finnish office."""

    chance: Chance
    files: dict[str, File] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    papers: list[Paper] = field(default_factory=list)
    answers: dict[str, str] = field(default_factory=dict)  #: by EU id, the delivery that the next documents answer

    def react(self, received: Received) -> list[bytes]:
        """By the delivered document's name."""
        if not received.body.lstrip().startswith(b"<"):
            return []
        root = parse(received.body)
        reactions: dict[str, Callable[[File], list[bytes]]] = {
            "Hakemus": self._intake,
            "Lisaselvitys": self._assess,
            "Kustannusvastaus": self._decide,
            "HakijanVastaus": self._permit,
        }
        name = etree.QName(root).localname
        if name not in reactions:
            return []
        file = self._take(root)
        self.answers[file.eu_id] = received.id
        return reactions[name](file)

    def _take(self, root: etree._Element) -> File:
        eu_id = root.findtext(f"{{{NS}}}otsikko/{{{NS}}}euHakemustunnus") or ""
        version = root.findtext(f"{{{NS}}}otsikko/{{{NS}}}versio") or ""
        self.versions[eu_id] = version or self.versions.get(eu_id, "")
        if eu_id not in self.files:
            diary = f"THL/EX/{self.chance.number():06d}/14.02.00"
            self.files[eu_id] = File(eu_id, diary, f"{diary}-P1", f"{diary}-L1")
        return self.files[eu_id]

    def _intake(self, file: File) -> list[bytes]:
        moment = self.chance.moment()
        question: Content = [
            ("osio", "5"),
            ("kysymys", [("kentta", "whyTheDataIsNeeded"), ("huomautus", "Perustelkaa yksilötason tietojen tarve.")]),
        ]
        return [
            self._document(file, "Vastaanottoilmoitus", [("tila", "saapunut"), ("vastaanottoaika", moment)]),
            self._document(file, "Tilailmoitus", [("tila", "esitarkastuksessa"), ("aika", moment)]),
            self._document(
                file,
                "Lisaselvityspyynto",
                [("tila", "odottaa-lisaselvitysta"), ("aika", moment), ("kohta", question)],
            ),
        ]

    def _assess(self, file: File) -> list[bytes]:
        cost: Content = [
            ("maksunsaaja", "Findata (esimerkki)"),
            ("laji", "preparation"),
            ("maara", "3450.00"),
            ("valuutta", "EUR"),
            ("arvio", "true"),
        ]
        return [
            self._document(file, "Tilailmoitus", [("tila", "kasittelyssa"), ("aika", self.chance.moment())]),
            self._document(file, "Kustannusarvio", [("kustannusera", cost), ("voimassaAsti", self.chance.day(1))]),
        ]

    def _decide(self, file: File) -> list[bytes]:
        decision: list[tuple[str, Content]] = [
            ("paatostunnus", file.decision),
            ("ratkaisu", "myonteinen"),
            ("antoaika", self.chance.moment()),
            ("paatospaiva", self.chance.day()),
            ("allekirjoittaja", _signatory()),
            ("asiakirja", self._paper("paatos.pdf", "Myonteinen paatos (esimerkki)", file.decision)),
        ]
        return [self._document(file, "Paatos", decision)]

    def _permit(self, file: File) -> list[bytes]:
        permit: list[tuple[str, Content]] = [
            ("lupatunnus", file.permit),
            ("versio", "1"),
            ("paatostunnus", file.decision),
            ("tila", "voimassa"),
            ("myontaja", [("nimi", "Findata (esimerkki)"), ("maa", "FI"), ("allekirjoittaja", _signatory())]),
            ("myontamispaiva", self.chance.day()),
            ("asiakirja", self._paper("lupa.pdf", "Allekirjoitettu lupa (esimerkki)", file.permit)),
        ]
        return [self._document(file, "Lupa", permit)]

    def _paper(self, name: str, *lines: str) -> Content:
        self.papers.append(printed(name, *lines, self.chance.moment()))
        return self.papers[-1].facts("tunnus", "nimi", "koko", "mediatyyppi", "tiiviste")

    def _document(self, file: File, name: str, content: list[tuple[str, Content]]) -> bytes:
        head: list[tuple[str, Content]] = [
            ("sanomatunnus", f"urn:example:findata:{self.chance.number():09d}"),
            ("vastauksena", self.answers[file.eu_id]),
            ("euHakemustunnus", file.eu_id),
        ]
        root = element(NS, name, [("otsikko", head), ("sisalto", [("hakemustunnus", file.eu_id), *content])])
        self._finish_head(root[0], file)
        return write(root)

    def _finish_head(self, head: etree._Element, file: File) -> None:
        head.append(element(NS, "diaarinumero", file.diary, jarjestelma="findata"))
        if self.versions[file.eu_id]:
            head.append(element(NS, "versio", self.versions[file.eu_id]))
        head.append(element(NS, "tapahtumaaika", self.chance.moment()))


def _signatory() -> Content:
    return [("etunimi", "Aino"), ("sukunimi", "Esimerkki"), ("tehtavanimike", "Johtaja (esimerkki)")]

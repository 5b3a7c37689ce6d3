"""What a compiled schema looks like to the engine: one tree of nodes per global element, with a number for every place.

A *place* is (node, where): `where` holds one 0-based index per repeated element on the way down, the node itself
included.
Leaves are elements with text, and attributes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from broker.translation.schema_parts import Element, SchemaModel, SimpleType

Where = tuple[int, ...]


class Edges(dict["Node | None", str]):
    """What is written between a place and the next one: tags that are closed, and tags that are opened; None: the end.

    Made when first asked for. `open_` are the elements that are open, within the instance of `group`; `unfinished`:
    the text before is that of an attribute.
    """

    __slots__ = ("group", "open_", "unfinished")

    def __init__(self, open_: tuple[Node, ...], group: Node | None, *, unfinished: bool = False) -> None:
        super().__init__()
        self.open_, self.group, self.unfinished = open_, group, unfinished

    def __missing__(self, following: Node | None) -> str:
        edge = self[following] = self._made(following)
        return edge

    def _made(self, following: Node | None) -> str:
        wanted, attribute = self._wanted(following)
        if self.unfinished and attribute and wanted == self.open_:
            return f'" {attribute}="'
        common = 0
        while common < min(len(wanted), len(self.open_)) and wanted[common] is self.open_[common]:
            common += 1
        closed = "".join(f"</{node.name}>" for node in reversed(self.open_[common:]))
        opened = "".join(f"<{node.name}>" for node in wanted[common:])
        start = f'{opened[:-1]} {attribute}="' if attribute else opened
        return ('">' if self.unfinished else "") + closed + start

    def _wanted(self, following: Node | None) -> tuple[tuple[Node, ...], str]:
        """The elements that must be open, and the attribute that is begun."""
        if following is None:
            return (self.group.parent.chain if self.group and self.group.parent else ()), ""
        if following.is_attribute and following.parent:
            return following.parent.chain, following.tag
        if following.repeats and following is not self.group and following.parent:
            return following.parent.chain, ""  # an instance writes its own tags
        return following.chain, ""


class Numbers(dict[int, str]):
    """The steps to the instances of a group that have numbers for labels, by index: `form/section6[2]`."""

    __slots__ = ("rest",)

    def __init__(self, rest: str) -> None:
        super().__init__()
        self.rest = rest

    def __missing__(self, index: int) -> str:
        step = f"{self.rest}[{index + 1}]"
        if index < _REMEMBERED:
            self[index] = step
        return step


class Node:
    """One element or attribute declaration on its way below a message element. Compared by identity."""

    __slots__ = (
        "_leaves",
        "after",
        "attributes",
        "by_name",
        "chain",
        "children",
        "depth",
        "edges",
        "first",
        "fits",
        "group",
        "groups",
        "groups_in",
        "has_text",
        "is_attribute",
        "leaves_in",
        "name",
        "numbered",
        "numbers",
        "order",
        "ordinals",
        "outer",
        "parent",
        "path",
        "pieces",
        "position",
        "repeats",
        "repeats_at",
        "rest",
        "tag",
        "tail",
        "text",
        "values",
    )

    def __init__(self, name: str, tag: str, parent: Node | None, ordinal: int) -> None:
        self._leaves: tuple[Node, ...] | None = None
        self.name = name
        self.tag = tag
        self.parent = parent
        self.path: str = f"{parent.path}/{name}".lstrip("/") if parent else ""
        #: The path, cut behind each repeated step: where its number stands.
        self.pieces: tuple[str, ...] = _longer(parent.pieces, name) if parent else ("",)
        self.children: dict[str, Node] = {}
        self.attributes: dict[str, Node] = {}
        self.by_name: dict[str, Node] = {}
        #: Of a root and of what repeats: the leaves and groups in it and in no other group, by the rest of their path.
        self.leaves_in: dict[str, Node] = {}
        self.groups_in: dict[str, Node] = {}
        self.has_text = False
        self.is_attribute = False
        self.repeats = False
        self.text: SimpleType | None = None
        self.values: frozenset[str] = frozenset()
        self.fits: Callable[[str], bool] | None = None  #: whether a text is of its type; None: every text is
        self.chain: tuple[Node, ...] = (*parent.chain, self) if parent else ()
        self.repeats_at: tuple[int, ...] = parent.repeats_at if parent else ()
        self.depth = len(self.repeats_at)
        #: Repeated elements on the way down, this one included.
        self.groups: tuple[Node, ...] = parent.groups if parent else ()
        self.group: Node | None = parent.group if parent else None  #: the innermost of them
        self.outer: Node | None = parent.outer if parent else None  #: the one around that
        #: The path below the innermost of them.
        self.tail: str = f"{parent.tail}/{name}" if parent and parent.group else self.path
        self.rest = ""  #: of what repeats: the path below the innermost around it, its own name included
        self.numbers = Numbers("")  #: of what repeats: the same with the number of an instance, by its index
        #: Where it stands in the document: attributes, then the element itself, then what is in it.
        self.order = 0
        self.position = 0  #: the same, with room for the index of an instance
        self.numbered: tuple[Node, ...] = ()  #: of a root: every node by its order
        #: Sort key of a place: for each step its ordinal, and its index among its like.
        self.ordinals: tuple[int, ...] = (*parent.ordinals, ordinal, 0) if parent else ()
        #: What is written between this one and another: behind its text, at its beginning, behind its end.
        self.edges = Edges((), self, unfinished=False)
        self.first = self.after = self.edges

    def repeat(self) -> None:
        """Say that this element may stand several times."""
        self.repeats = True
        self.repeats_at = (*self.repeats_at, len(self.ordinals) - 1)
        self.groups = (*self.groups, self)
        self.group, self.outer, self.rest, self.tail = self, self.group, self.tail, ""
        self.numbers = Numbers(self.rest)
        self.pieces = (*self.pieces, "")
        self.depth = len(self.repeats_at)

    def settle(self) -> None:
        """Say what stands around it, once all that is above it is known."""
        open_ = self.parent.chain if self.is_attribute and self.parent else self.chain
        self.edges = Edges(open_, self.group, unfinished=self.is_attribute)
        above = self.parent.chain if self.parent else ()
        self.first, self.after = Edges(above, self.group), Edges(above, self.outer)

    def key(self, where: Where) -> tuple[int, ...]:
        """A sort key that puts places in document order; the key of a parent is a prefix of its children's."""
        if not where:
            return self.ordinals
        key = list(self.ordinals)
        for position, index in zip(self.repeats_at, where, strict=False):
            key[position] = index
        return tuple(key)

    @property
    def is_leaf(self) -> bool:
        """Whether it holds a text."""
        return self.has_text or self.is_attribute

    def walk(self) -> Iterator[Node]:
        """This node and all below, in document order (attributes first)."""
        yield self
        yield from self.attributes.values()
        for child in self.children.values():
            yield from child.walk()

    def all_below(self) -> Iterator[Node]:
        """Attributes, this node, and all below."""
        yield from self.attributes.values()
        yield self
        for child in self.children.values():
            yield from child.all_below()

    def leaves(self) -> tuple[Node, ...]:
        """The leaves below, in document order; looked for once, when the tree is complete."""
        if self._leaves is None:
            self._leaves = tuple(node for node in self.walk() if node.is_leaf)
        return self._leaves

    def find(self, path: str) -> Node | None:
        """The node at a path below this one, or None."""
        node: Node | None = self
        for step in path.split("/") if path else ():
            node = node.by_name.get(step) if node else None
        return node

    def __repr__(self) -> str:
        return f"<{self.path or self.name}>"


def shape(model: SchemaModel, name: str) -> Node:
    """Compile one global element. Raises: KeyError, if the schema has none of this name."""
    root = Node(name, f"{{{model.namespace}}}{name}", None, 0)
    _fill(root, model.roots[name], model.namespace)
    root.numbered = tuple(root.all_below())
    for number, node in enumerate(root.numbered):
        node.order, node.position = number, number << _INDEX
        node.settle()
        if node.repeats and node.parent is not None:
            (node.outer or root).groups_in[node.rest] = node
        if node.is_leaf:
            (node.group or root).leaves_in[node.tail] = node
    return root


def _fill(node: Node, element: Element, namespace: str) -> None:
    node.text, node.has_text = element.text, element.text is not None
    node.values = frozenset(element.text.enumeration) if element.text is not None else frozenset()
    node.fits = None if element.text is None or element.text.is_free else element.text.fits
    for ordinal, attribute in enumerate(element.attributes):
        leaf = Node(f"@{attribute.name}", attribute.name, node, ordinal - len(element.attributes))
        leaf.is_attribute = True
        leaf.text = attribute.type
        leaf.values = frozenset(attribute.type.enumeration)
        leaf.fits = None if attribute.type.is_free else attribute.type.fits
        node.attributes[attribute.name] = node.by_name[leaf.name] = leaf
    for ordinal, child in enumerate(element.children):
        below = Node(child.name, f"{{{namespace}}}{child.name}", node, ordinal)
        if child.max_occurs != 1:
            below.repeat()
        node.children[below.tag] = node.by_name[below.name] = below
        _fill(below, child, namespace)


def _longer(pieces: tuple[str, ...], name: str) -> tuple[str, ...]:
    *before, last = pieces
    return (*before, f"{last}/{name}" if last or before else name)


def numbered(node: Node, where: Where) -> str:
    """The path as reports show it: `content/form/section6[2]/country_id`."""
    if not where:
        return node.path
    pieces = node.pieces
    if len(where) == 1:  # nearly always
        return f"{pieces[0]}[{where[0] + 1}]{pieces[1]}"
    return "".join([f"{piece}[{index + 1}]" for piece, index in zip(pieces, where, strict=False)]) + pieces[-1]


_INDEX = 32  #: bits of a position that count instances
_REMEMBERED = 64  #: instances of a group: more are rare

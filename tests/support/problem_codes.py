"""Every code that a problem can have, found by reading the source: no code can be added without being documented.

A code is followed from where a `Problem` or `RequestError` is made to the text that it comes from: through parameters
to the callers, through local names, through tables. What cannot be followed is reported, not skipped.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[2]
MAKERS = frozenset({"Problem", "RequestError"})
STRANGERS = frozenset({"mock_eu", "demo"})  # they speak for others
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Module:
    path: Path
    tree: ast.Module
    parents: dict[ast.AST, ast.AST]

    def around(self, node: ast.AST, *kinds: type[ast.AST]) -> ast.AST | None:
        found = self.parents.get(node)
        while found is not None and not isinstance(found, kinds):
            found = self.parents.get(found)
        return found


@dataclass
class Scan:
    modules: list[Module]
    codes: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)

    def run(self) -> Scan:
        for module in self.modules:
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Call) and _name(node.func) in MAKERS:
                    self._take(module, node)
                if isinstance(node, ast.ClassDef):
                    self._class(node)
        return self

    def _class(self, node: ast.ClassDef) -> None:
        """`code = "…"` in a class is the stable code of an error."""
        for line in node.body:
            if isinstance(line, ast.Assign) and [_name(target) for target in line.targets] == ["code"]:
                self.codes |= _text(line.value)

    def _take(self, module: Module, call: ast.Call) -> None:
        if any(isinstance(argument, ast.Starred) for argument in call.args) or any(not k.arg for k in call.keywords):
            return  # put together again from one that was made elsewhere
        named = [k.value for k in call.keywords if k.arg == "code"] or call.args[:1]
        found = self._follow(module, named[0], frozenset()) if named else None
        if found is None:
            self.lost.append(f"{module.path.relative_to(ROOT)}:{call.lineno}: {ast.unparse(call)[:80]}")
        else:
            self.codes |= found

    def _follow(  # noqa: PLR0911 -- one line for each form that an expression can have
        self, module: Module, node: ast.expr, seen: frozenset[str]
    ) -> set[str] | None:
        match node:
            case ast.Constant(value=str()):
                return _text(node)
            case ast.IfExp():
                return self._all(module, [node.body, node.orelse], seen)
            case ast.BoolOp():
                return self._all(module, node.values, seen)
            case ast.Attribute(attr="code"):
                return set()  # of an error or a problem: collected where it is made
            case ast.Call(func=ast.Attribute(value=ast.Name() as table, attr="get")):
                return self._all(module, [*self._values(module, table), *node.args[1:]], seen)
            case ast.Call(func=ast.Name(id=name)):
                returned = [r for f in _functions(module, name) for r in ast.walk(f) if isinstance(r, ast.Return)]
                return self._all(module, [r.value for r in returned if r.value], seen) if returned else None
            case ast.Name():
                return self._named(module, node, seen)
        return None

    def _all(self, module: Module, nodes: list[ast.expr], seen: frozenset[str]) -> set[str] | None:
        found = [self._follow(module, node, seen) for node in nodes]
        return set().union(*(codes for codes in found if codes)) if found and None not in found else None

    def _named(self, module: Module, node: ast.Name, seen: frozenset[str]) -> set[str] | None:
        function = module.around(node, ast.FunctionDef, ast.AsyncFunctionDef)
        if isinstance(function, Function):
            names = [argument.arg for argument in (*function.args.args, *function.args.kwonlyargs)]
            if node.id in names:
                return self._from_callers(module, function, node.id, seen)
        scope = function or module.tree
        found = [value for value in _assigned(scope, node.id) if value is not node]
        return self._all(module, found, seen)

    def _values(self, module: Module, table: ast.Name) -> list[ast.expr]:
        scope = module.around(table, ast.FunctionDef, ast.AsyncFunctionDef) or module.tree
        given = _assigned(scope, table.id) or _assigned(module.tree, table.id)
        dicts = [value for value in given if isinstance(value, ast.Dict)]
        return [value for found in dicts for value in found.values]

    def _from_callers(self, module: Module, function: Function, name: str, seen: frozenset[str]) -> set[str] | None:
        at = f"{module.path}:{function.lineno}:{name}"
        if at in seen:
            return set()
        inside = module.parents.get(function)
        called = inside.name if isinstance(inside, ast.ClassDef) and function.name == "__init__" else function.name
        if called in MAKERS:
            return set()  # its own callers are makers and are read as such
        number = [argument.arg for argument in function.args.args].index(name) if name in _positional(function) else 99
        number -= isinstance(inside, ast.ClassDef)
        found: set[str] = set()
        calls = 0
        for caller in [module] if called.startswith("_") else self.modules:
            for call in ast.walk(caller.tree):
                if not isinstance(call, ast.Call) or _name(call.func) != called:
                    continue
                given = [k.value for k in call.keywords if k.arg == name] or call.args[number : number + 1]
                codes = self._follow(caller, given[0], seen | {at}) if given else set()
                if codes is None:
                    return None
                calls, found = calls + 1, found | codes
        return found if calls else None


def scan() -> Scan:
    """Read the product: all of `broker`, and the adapters that speak for it."""
    files = sorted(
        file
        for package in ("broker", "adapters")
        for file in (ROOT / package).rglob("*.py")
        if not STRANGERS.intersection(file.parts)
    )
    return Scan([read(file) for file in files]).run()


def read(file: Path) -> Module:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return Module(file, tree, {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)})


def _name(node: ast.AST) -> str:
    match node:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
    return ""


def _text(node: ast.expr) -> set[str]:
    return {node.value} if isinstance(node, ast.Constant) and isinstance(node.value, str) else set()


def _positional(function: Function) -> list[str]:
    return [argument.arg for argument in function.args.args]


def _functions(module: Module, name: str) -> list[Function]:
    return [node for node in ast.walk(module.tree) if isinstance(node, Function) and node.name == name]


def _assigned(scope: ast.AST, name: str) -> list[ast.expr]:
    """What a name stands for in a scope: the values given to it, also those that a loop takes out of a table."""
    found: list[ast.expr] = []
    for node in ast.walk(scope):
        match node:
            case ast.Assign(targets=[ast.Name(id=given)], value=value) if given == name:
                found.append(value)
            case ast.AnnAssign(target=ast.Name(id=given), value=ast.expr() as value) if given == name:
                found.append(value)
            case ast.For(target=ast.Tuple(elts=targets), iter=ast.Name(id=table)) if name in map(_name, targets):
                places = [n for n, target in enumerate(targets) if _name(target) == name]
                rows = [row for value in _assigned(scope, table) if isinstance(value, ast.Tuple) for row in value.elts]
                found += [row.elts[n] for row in rows if isinstance(row, ast.Tuple) for n in places]
    return found

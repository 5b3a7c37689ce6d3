"""Which tests stay together when a run is spread over workers."""

from __future__ import annotations

from xdist.scheduler import LoadScopeScheduling

#: One running node is shared by all files of such a folder, and the last of them looks back on the others.
TOGETHER = ("tests/integration/bad_input/",)


class ByFile(LoadScopeScheduling):
    """A file stays in one worker, for the servers and stories that its tests share; so does a folder of `TOGETHER`."""

    def _split_scope(self, nodeid: str) -> str:
        return next((folder for folder in TOGETHER if nodeid.startswith(folder)), nodeid.split("::", 1)[0])

"""Which back end uploaded which content, and what each may name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, exists, or_, select

from adapters.store.sql.rows import Rows
from adapters.store.sql.tables import ATTACHMENTS, EXCHANGES, UPLOADS

if TYPE_CHECKING:
    from datetime import datetime

_BACKEND: Final = bindparam("backend", type_=UPLOADS.c.backend.type)
_SHA256: Final = bindparam("sha256", type_=UPLOADS.c.sha256.type)
_UPLOADED: Final = exists().where(UPLOADS.c.backend == _BACKEND, UPLOADS.c.sha256 == _SHA256)
_BROUGHT: Final = exists().where(
    ATTACHMENTS.c.sha256 == _SHA256,
    EXCHANGES.c.message_id == ATTACHMENTS.c.message_id,
    EXCHANGES.c.addressee == _BACKEND,
)
_MAY_NAME: Final = select(or_(_UPLOADED, _BROUGHT))


class Uploads(Rows):
    """One row for each back end and content."""

    async def add_upload(self, backend: str, sha256: str, at: datetime) -> bool:
        """Whether this back end uploads this content for the first time. Raises: NotFound, if it is not kept."""
        return await self._insert_new(UPLOADS, {"backend": backend, "sha256": sha256, "uploaded_at": at})

    async def may_name(self, backend: str, sha256: str) -> bool:
        """Whether the back end uploaded this content, or a message addressed to it has a file of this content."""
        return bool((await self._run(_MAY_NAME, {"backend": backend, "sha256": sha256})).scalar())

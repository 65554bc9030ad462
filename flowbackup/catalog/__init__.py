"""THE MEMORY OF WHAT WAS DONE: sessions, objects, versions, frames and where their copies lie.

One sqlite file, rebuildable from the media alone; media win wherever the two disagree.

`catalog` the one public class; `rows` what it answers with; `database` the connection and its
errors; `schema` the tables; `sessions`, `versions`, `resolve`, `pages`, `copies` one subject each;
`holder` which process runs a session.
"""

from __future__ import annotations

from flowbackup.catalog.catalog import Catalog, open_catalog

__all__ = ["Catalog", "open_catalog"]

"""Three nodes in a process of their own, for whose Ray the environment says more than for that of
the tests: Ray reads it once.

    python -m tests.runtime.tls_nodes        until its input ends; says where they are, as JSON
"""

from __future__ import annotations

import json
import os
import sys

from tests.runtime.three_nodes import three_nodes


def main() -> None:
    with three_nodes(join=False) as cluster:
        names = ("RAY_TMPDIR", "RAY_AUTH_MODE", "FLOWBACKUP_WITHOUT_TOKEN")
        ports = [
            f"{node['NodeManagerAddress']}:{node[port]}"
            for node in cluster.global_state.node_table()
            for port in ("NodeManagerPort", "ObjectManagerPort")
        ]
        environment = {name: os.environ[name] for name in names}
        print(json.dumps([[cluster.address, *ports], environment]), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()

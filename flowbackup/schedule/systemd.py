"""A service and a timer of systemd.

The service of the system is confined to what a backup needs: it reads everything, writes to its
devices and its catalog, and gains nothing.  Root without capabilities cannot read what others have
closed, hence CAP_DAC_READ_SEARCH; CAP_FOWNER leaves the times of reading alone (O_NOATIME).  It
writes only where root may as its owner, as in the directory of a device.
"""

from __future__ import annotations

import re

from flowbackup.schedule.task import Task, unit_name

STOP_SECONDS = 15
"""A session ends within three seconds, hooks and notices behind it within five more."""
AFTER = ("Wants=network-online.target", "After=network-online.target remote-fs.target")
RESTRICTED = (
    "LockPersonality=yes",
    "NoNewPrivileges=yes",
    "RestrictRealtime=yes",
    "RestrictSUIDSGID=yes",
    "SystemCallArchitectures=native",
    "UMask=0077",
)
CONFINED = (
    "# Root must read everything (CAP_DAC_READ_SEARCH) and keep the times of reading (CAP_FOWNER).",
    "# To write to the device of another user add CAP_DAC_OVERRIDE, with `systemctl edit`.",
    "CapabilityBoundingSet=CAP_DAC_READ_SEARCH CAP_FOWNER",
    "ProtectControlGroups=yes",
    "ProtectHome=read-only",
    "ProtectKernelModules=yes",
    "ProtectKernelTunables=yes",
    "ProtectSystem=strict",
    "RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK",
    "RestrictNamespaces=yes",
    "# An embedded Ray has its directory there.",
    "ReadWritePaths=/tmp",
)
OPEN = (
    "# The graph runs commands of its own, of which nobody can say what they need: not confined.",
)


def units(task: Task, *, is_user: bool) -> dict[str, str]:
    """File name -> text.  is_user: for the manager of a user, who may confine less."""
    name = unit_name(task.graph)
    return {f"{name}.service": _service(task, name, is_user), f"{name}.timer": _timer(task)}


def _service(task: Task, name: str, is_user: bool) -> str:
    lines = [
        *task.marks,
        "[Unit]",
        f"Description=Backup by the graph {task.graph}",
        *([] if is_user else AFTER),
        "",
        "[Service]",
        "Type=oneshot",
        f"ExecStart={' '.join(map(quoted, task.words))}",
        "# The first signal ends a session in order, and only the command is to hear it.",
        "KillMode=mixed",
        f"TimeoutStopSec={STOP_SECONDS}",
        "Nice=10",
        "IOSchedulingPriority=7",
        "# Where `flowbackup status` finds the session.",
        f"RuntimeDirectory={name}",
        "RuntimeDirectoryMode=0700",
        f"Environment=XDG_RUNTIME_DIR=%t/{name}",
        *_passphrase(task),
        "",
        *_confinement(task, is_user),
    ]
    return "\n".join(lines) + "\n"


def _passphrase(task: Task) -> list[str]:
    """It is in no argument and no environment: only the service can read the file."""
    if not task.passphrase:
        return []
    return [
        f"LoadCredential=passphrase:{task.passphrase.replace('%', '%%')}",
        "Environment=FLOWBACKUP_PASSPHRASE_FILE=%d/passphrase",
    ]


def _confinement(task: Task, is_user: bool) -> list[str]:
    if not task.is_confined:
        return list(OPEN)
    if is_user:
        return list(RESTRICTED)
    writable = [f"ReadWritePaths={quoted('-' + path)}" for path in task.writable]
    return [*RESTRICTED, *CONFINED, *writable]


def _timer(task: Task) -> str:
    lines = [
        *task.marks,
        "[Unit]",
        f"Description=Times of the backup by the graph {task.graph}",
        "",
        "[Timer]",
        f"OnCalendar={task.calendar.text}",
        "# A run that was missed while the machine was off is made up for.",
        "Persistent=yes",
        "",
        "[Install]",
        "WantedBy=timers.target",
    ]
    return "\n".join(lines) + "\n"


def quoted(word: str) -> str:
    """One word of a command or list; see "Quoting" and "Specifiers" in systemd.service(5)."""
    plain = word.replace("%", "%%").replace("$", "$$")
    if re.fullmatch(r"[\w@%+=:,./$-]+", plain, flags=re.ASCII):
        return plain
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
